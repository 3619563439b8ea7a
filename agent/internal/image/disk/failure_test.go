package disk_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"bandsox.dev/agent/internal/image/disk"
	"bandsox.dev/agent/internal/image/event"
	"bandsox.dev/agent/internal/image/fault"
	. "bandsox.dev/agent/internal/image/imagetest"
	"bandsox.dev/agent/internal/image/layer"
)

// wantNothingLeft checks that neither staging nor output nor scratch files remain.
func wantNothingLeft(t *testing.T, options disk.Options) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(options.Output))
	Must(t, err)
	for _, entry := range entries {
		t.Errorf("%s is left behind", entry.Name())
	}
}

func TestAFailedBuildLeavesNothingBehind(t *testing.T) {
	good := GzipLayer(t, File("a", strings.Repeat("abc", 10_000)))
	other := GzipLayer(t, File("b", "other"))
	for name, row := range map[string]struct {
		image  Image
		change func(t *testing.T, image Image, options *disk.Options)
		want   fault.Code
	}{
		"a damaged layer in the store": {NewImage(t, nil, good), func(t *testing.T, image Image, options *disk.Options) {
			damage(t, options.Store.Path(image.Layers[0].Digest), 100)
		}, fault.ImageDigestMismatch},
		"damage at the end of a layer": {NewImage(t, nil, good), func(t *testing.T, image Image, options *disk.Options) {
			damage(t, options.Store.Path(image.Layers[0].Digest), image.Layers[0].Size-1)
		}, fault.ImageDigestMismatch},
		"a damaged config": {NewImage(t, nil, good), func(t *testing.T, image Image, options *disk.Options) {
			damage(t, options.Store.Path(image.Config.Digest), 10)
		}, fault.ImageDigestMismatch},
		"a damaged manifest": {NewImage(t, nil, good), func(t *testing.T, image Image, options *disk.Options) {
			damage(t, options.Store.Path(image.Manifest.Digest), 10)
		}, fault.ImageDigestMismatch},
		"a missing layer": {NewImage(t, nil, good), func(t *testing.T, image Image, options *disk.Options) {
			Must(t, os.Remove(options.Store.Path(image.Layers[0].Digest)))
		}, fault.ImageNotFound},
		"a missing manifest": {NewImage(t, nil, good), func(t *testing.T, _ Image, options *disk.Options) {
			options.Manifest = Digest(t, []byte("nothing"))
		}, fault.ImageNotFound},
		"a wrong diff id": {NewImage(t, func(config *v1.ConfigFile, _ *v1.Manifest) {
			config.RootFS.DiffIDs[0] = Digest(t, other.Plain)
		}, good), nil, fault.ImageInvalid},
		"a config of fewer layers": {NewImage(t, func(config *v1.ConfigFile, _ *v1.Manifest) {
			config.RootFS.DiffIDs = nil
		}, good), nil, fault.ImageInvalid},
		"a disk too small": {NewImage(t, nil, good), func(_ *testing.T, _ Image, options *disk.Options) {
			options.ApparentBytes = 1 << 20
		}, fault.ImageTooLarge},
		"too much content": {NewImage(t, nil, good), func(_ *testing.T, _ Image, options *disk.Options) {
			options.Limits.MaxBytes = 1000
		}, fault.ImageTooLarge},
		"a path mke2fs cannot hold": {NewImage(t, nil, GzipLayer(t, File(strings.Repeat("deep/", 407)+"x", "x"))), nil, fault.ImageUnsupported},
		"an xz layer":               {NewImage(t, nil, Blob{Plain: []byte("x"), Packed: []byte("\xfd7zXZ\x00\x00\x04"), MediaType: good.MediaType}), nil, fault.ImageUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			options := optionsFor(t, row.image.Store(t), row.image.Manifest.Digest)
			if row.change != nil {
				row.change(t, row.image, &options)
			}
			_, err := disk.Build(context.Background(), options)
			WantCode(t, err, row.want)
			wantNothingLeft(t, options)
		})
	}
}

// damage flips a bit of a stored blob.
func damage(t *testing.T, path string, offset int64) {
	t.Helper()
	content, err := os.ReadFile(path)
	Must(t, err)
	content[offset] ^= 4
	Must(t, os.WriteFile(path, content, 0o600))
}

func TestACanceledBuildLeavesNothingBehind(t *testing.T) {
	image := NewImage(t, nil, GzipLayer(t, File("a", "a")), GzipLayer(t, File("b", "b")))
	for name, when := range map[string]func(any) bool{
		"before the first layer": func(e any) bool { unpack, ok := e.(event.Unpack); return ok && unpack.State == "started" },
		"after a layer":          func(e any) bool { unpack, ok := e.(event.Unpack); return ok && unpack.State == "done" },
		"before mkfs":            func(e any) bool { _, ok := e.(event.Mkfs); return ok },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			options := optionsFor(t, image.Store(t), image.Manifest.Digest)
			options.Emit = func(e any) {
				if when(e) {
					cancel()
				}
			}
			_, err := disk.Build(ctx, options)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			wantNothingLeft(t, options)
		})
	}
}

func TestStagingThatHoldsSomethingIsLeftAlone(t *testing.T) {
	image := NewImage(t, nil, GzipLayer(t, File("a", "a")))
	options := optionsFor(t, image.Store(t), image.Manifest.Digest)
	Must(t, os.Mkdir(options.Staging, 0o755))
	precious := filepath.Join(options.Staging, "precious")
	Must(t, os.WriteFile(precious, nil, 0o600))
	_, err := disk.Build(context.Background(), options)
	WantCode(t, err, fault.Internal)
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

func TestStagingIsRemovedWithoutFollowingLinks(t *testing.T) {
	image := NewImage(t, nil, GzipLayer(t, Symlink("s", "../../outside"), Symlink("a", "/")))
	options := optionsFor(t, image.Store(t), image.Manifest.Digest)
	outside := filepath.Join(filepath.Dir(options.Staging), "outside")
	Must(t, os.MkdirAll(filepath.Join(outside, "kept"), 0o755))
	_, err := disk.Build(context.Background(), options)
	Must(t, err)
	if _, err := os.Stat(filepath.Join(outside, "kept")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(options.Staging); err == nil {
		t.Error("staging is still there")
	}
}

func TestAnOldOutputIsReplacedOnlyOnSuccess(t *testing.T) {
	image := NewImage(t, nil, GzipLayer(t, File("a", "a")))
	options := optionsFor(t, image.Store(t), image.Manifest.Digest)
	Must(t, os.WriteFile(options.Output, []byte("old"), 0o600))
	options.Limits = layer.Limits{MaxBytes: 0}
	_, err := disk.Build(context.Background(), options)
	WantCode(t, err, fault.ImageTooLarge)
	if content, err := os.ReadFile(options.Output); err != nil || string(content) != "old" {
		t.Errorf("the output contains %q, %v", content, err)
	}
	options.Limits = layer.Limits{MaxBytes: 1000}
	_, err = disk.Build(context.Background(), options)
	Must(t, err)
	wantSound(t, options.Output)
}

func TestAFullDiskIsNamed(t *testing.T) {
	body := make([]byte, 3<<20)
	for i := range body {
		body[i] = byte(i * i >> 3)
	}
	image := NewImage(t, nil, GzipLayer(t, File("random", string(body))))
	for name, place := range map[string]func(*disk.Options, string){
		"while unpacking":             func(options *disk.Options, small string) { options.Staging = filepath.Join(small, "staging") },
		"while making the filesystem": func(options *disk.Options, small string) { options.Output = filepath.Join(small, "base.ext4") },
	} {
		t.Run(name, func(t *testing.T) {
			options := optionsFor(t, image.Store(t), image.Manifest.Digest)
			small := t.TempDir()
			if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=1m"); err != nil {
				t.Skipf("skipped: cannot mount a small tmpfs: %v", err)
			}
			defer syscall.Unmount(small, syscall.MNT_DETACH)
			place(&options, small)
			_, err := disk.Build(context.Background(), options)
			failure := WantCode(t, err, fault.DiskFull)
			if path, _ := failure.Details["path"].(string); !strings.HasPrefix(path, small) {
				t.Errorf("the path is %q, want one in %s: %s", path, small, failure.Message)
			}
			left, err := os.ReadDir(small)
			Must(t, err)
			if len(left) > 0 {
				t.Errorf("%s is left behind", left[0].Name())
			}
		})
	}
}
