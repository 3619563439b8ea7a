package machine

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Where things are mounted in the initramfs, until the new root replaces it.
const (
	baseMount  = "/base"
	layerMount = "/layer"
	newRoot    = "/new-root"
)

// layerOptions keep the kernel from working in the background of each VM: what was never written of the disk reads as
// zeros, so its inode tables need no zeroing, and there is next to nothing in its bitmaps to be read ahead.
const layerOptions = "noinit_itable,no_prefetch_block_bitmaps"

// mountDisks mounts base and layer and the overlay of both at newRoot. It returns the layer's root directory. After an
// error nothing stays mounted.
func mountDisks(baseDevice, layerDevice string) (layer *os.File, err error) {
	defer func() {
		if err != nil {
			for _, target := range []string{newRoot, layerMount, baseMount} {
				unix.Unmount(target, unix.MNT_DETACH)
			}
		}
	}()
	for _, directory := range []string{baseMount, layerMount, newRoot} {
		if err := os.MkdirAll(directory, 0o755); err != nil {
			return nil, err
		}
	}
	for _, device := range []string{baseDevice, layerDevice} {
		if err := forgetCachedBlocks(device); err != nil {
			return nil, err
		}
	}
	if err := unix.Mount(baseDevice, baseMount, "ext4", unix.MS_RDONLY, ""); err != nil {
		return nil, fmt.Errorf("mount the base %s: %w", baseDevice, err)
	}
	if err := unix.Mount(layerDevice, layerMount, "ext4", unix.MS_NOATIME, layerOptions); err != nil {
		return nil, fmt.Errorf("mount the layer %s: %w", layerDevice, err)
	}
	if err := makeUpper(); err != nil {
		return nil, err
	}
	options := "lowerdir=" + baseMount + ",upperdir=" + layerMount + "/upper,workdir=" + layerMount + "/work"
	if err := unix.Mount("overlay", newRoot, "overlay", unix.MS_NOATIME, options); err != nil {
		return nil, fmt.Errorf("mount the overlay of base and layer: %w", err)
	}
	return os.Open(layerMount)
}

// makeUpper prepares an empty layer. The upper directory becomes the root, so it takes the base root's owner and mode.
func makeUpper() error {
	var base unix.Stat_t
	if err := unix.Stat(baseMount, &base); err != nil {
		return fmt.Errorf("look at the base's root: %w", err)
	}
	err := os.Mkdir(layerMount+"/upper", 0o755)
	if err == nil {
		err = errors.Join(unix.Chown(layerMount+"/upper", int(base.Uid), int(base.Gid)),
			unix.Chmod(layerMount+"/upper", base.Mode&0o7777))
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("prepare the layer: %w", err)
	}
	if err := os.Mkdir(layerMount+"/work", 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("prepare the layer: %w", err)
	}
	return nil
}

// forgetCachedBlocks drops what the kernel has read of a device: after a restore another disk is behind it.
func forgetCachedBlocks(device string) error {
	fd, err := unix.Open(device, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the disk %s: %w", device, err)
	}
	defer unix.Close(fd)
	if err := unix.IoctlSetInt(fd, unix.BLKFLSBUF, 0); err != nil {
		return fmt.Errorf("drop cached blocks of %s: %w", device, err)
	}
	return nil
}

// settle finishes all writes of the layer so that its file system is clean. A read-only remount is refused while a
// file is open for writing; freezing then does the same without asking, and is never undone.
func settle(layer *os.File) error {
	unix.Sync()
	err := remountReadOnly(layer)
	if err == nil {
		return nil
	}
	if frozen := unix.IoctlSetInt(int(layer.Fd()), fiFreeze, 0); frozen != nil {
		return errors.Join(err, fmt.Errorf("freeze the layer: %w", frozen))
	}
	return nil
}

const fiFreeze = 0xc0045877 // FIFREEZE

func remountReadOnly(layer *os.File) error {
	context, err := unix.Fspick(int(layer.Fd()), "", unix.FSPICK_EMPTY_PATH|unix.FSPICK_CLOEXEC)
	if err != nil {
		return fmt.Errorf("remount the layer read-only: %w", err)
	}
	defer unix.Close(context)
	if err := unix.FsconfigSetFlag(context, "ro"); err != nil {
		return fmt.Errorf("remount the layer read-only: %w", err)
	}
	if err := unix.FsconfigReconfigure(context); err != nil {
		return fmt.Errorf("remount the layer read-only: %w", err)
	}
	return nil
}
