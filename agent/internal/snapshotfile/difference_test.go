package snapshotfile

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bandsox.dev/agent/internal/image/fault"
)

// rebuilt is what comes of a file by way of its difference, and how large that is.
func rebuilt(t *testing.T, base, path string) (content string, differenceBytes int64) {
	t.Helper()
	difference, out := filepath.Join(t.TempDir(), "diff"), filepath.Join(t.TempDir(), "out")
	if err := WriteDifference(t.Context(), base, path, difference); err != nil {
		t.Fatal(err)
	}
	if err := ApplyDifference(t.Context(), base, difference, out); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(difference)
	if err != nil {
		t.Fatal(err)
	}
	return out, info.Size()
}

func sameContent(t *testing.T, a, b string) {
	t.Helper()
	left, right := sparseDigest(t, a), sparseDigest(t, b)
	if left != right {
		t.Errorf("%s and %s differ", a, b)
	}
}

func sparseDigest(t *testing.T, path string) string {
	t.Helper()
	digest, err := Digest(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func TestAFileComesBackFromItsBaseAndItsDifference(t *testing.T) {
	const size = 8 * gib
	base := sparseFile(t, size, map[int64]string{0: "kept", 4096: "changed", gib: "zeroed", 3 * gib: "kept too"})
	file := sparseFile(t, size, map[int64]string{0: "kept", 4096: "CHANGED", 3 * gib: "kept too", 5 * gib: "new", size - 3: "end"})
	out, bytes := rebuilt(t, base, file)
	sameContent(t, out, file)
	if bytes < 4*4096 || bytes > 5*4096 {
		t.Errorf("the difference has %d bytes", bytes)
	}
	if _, bytes := rebuilt(t, base, base); bytes > 100 {
		t.Errorf("no difference has %d bytes", bytes)
	}
}

func TestAnyFileComesBackFromAnyBase(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	words := func() map[int64]string {
		found := map[int64]string{}
		for range random.IntN(40) {
			found[random.Int64N(64)*(64<<10)] = strings.Repeat("\x00x"[random.IntN(2):][:1], 1+random.IntN(9000))
		}
		return found
	}
	for range 40 {
		const size = 4<<20 + 100<<10 + 7
		base, file := sparseFile(t, size, words()), sparseFile(t, size, words())
		out, _ := rebuilt(t, base, file)
		want, _ := os.ReadFile(file)
		got, _ := os.ReadFile(out)
		if !bytes.Equal(got, want) {
			t.Fatal("it came back as another")
		}
	}
}

func TestFilesOfDifferentSizesHaveNoDifference(t *testing.T) {
	out := filepath.Join(t.TempDir(), "diff")
	err := WriteDifference(t.Context(), sparseFile(t, 8192, nil), sparseFile(t, 4096, nil), out)
	if err == nil || !strings.Contains(err.Error(), "has 4096 bytes") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was left")
	}
}

func TestADamagedDifferenceIsRefusedAndLeavesNothing(t *testing.T) {
	base := sparseFile(t, 1<<20, map[int64]string{0: "base"})
	difference := filepath.Join(t.TempDir(), "diff")
	if err := WriteDifference(t.Context(), base, sparseFile(t, 1<<20, map[int64]string{0: "file"}), difference); err != nil {
		t.Fatal(err)
	}
	whole, _ := os.ReadFile(difference)
	for name, content := range map[string][]byte{
		"cut":         whole[:len(whole)-1],
		"more":        append(bytes.Clone(whole), 0),
		"another":     []byte("bandsox-sparse/1 4096 0\n"),
		"beyond":      []byte("bandsox-sparse/1 1048576 1\n1048576 4096\n"),
		"no sparse":   []byte("something else\n"),
		"empty":       nil,
		"many ranges": []byte("bandsox-sparse/1 1048576 99999999\n"),
	} {
		path, out := filepath.Join(t.TempDir(), "diff"), filepath.Join(t.TempDir(), "out")
		os.WriteFile(path, content, 0o600)
		err := ApplyDifference(t.Context(), base, path, out)
		if found := new(fault.Error); !errors.As(err, &found) || found.Code != fault.SnapshotInvalid {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: something was left", name)
		}
	}
}

func TestADifferenceThatIsInterruptedLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	base, out := sparseFile(t, 1<<20, map[int64]string{0: "base"}), filepath.Join(t.TempDir(), "out")
	if err := WriteDifference(ctx, base, sparseFile(t, 1<<20, nil), out); err == nil {
		t.Error("it was written")
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was left")
	}
}
