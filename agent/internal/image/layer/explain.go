package layer

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"github.com/moby/sys/userns"

	"bandsox.dev/agent/internal/image/fault"
)

// layerErrnos are answers of the kernel that only a bad or exotic layer provokes.
var layerErrnos = map[syscall.Errno]fault.Code{
	syscall.ENAMETOOLONG: fault.ImageInvalid, syscall.ELOOP: fault.ImageInvalid,
	syscall.ENOTDIR: fault.ImageInvalid, syscall.EISDIR: fault.ImageInvalid,
	syscall.EEXIST: fault.ImageInvalid, syscall.ENOENT: fault.ImageInvalid,
	syscall.EINVAL: fault.ImageInvalid,
	syscall.EMLINK: fault.ImageUnsupported, syscall.EFBIG: fault.ImageUnsupported,
	syscall.E2BIG: fault.ImageUnsupported, syscall.ERANGE: fault.ImageUnsupported,
}

// explain gives an error of the unpacking its code: whatever is not the host's
// doing is the layer's.
func explain(err error) error {
	var known *fault.Error
	var errno syscall.Errno
	var path *fs.PathError
	switch {
	case err == nil, errors.As(err, &known), errors.Is(err, context.Canceled):
		return err
	case !errors.As(err, &errno):
		return fault.New(fault.ImageInvalid, "unpack: %w", err)
	case errno == syscall.EINVAL && userns.RunningInUserNS():
		return fault.New(fault.PermissionDenied, "unpack: %w; the owner is outside the ids mapped for this user (/etc/subuid)", err)
	case layerErrnos[errno] != "":
		return fault.New(layerErrnos[errno], "unpack: %w", err)
	case fault.IsDiskFull(err) && strings.Contains(err.Error(), "setxattr"):
		return fault.New(fault.ImageUnsupported, "unpack: %w; the attributes of one file exceed what the filesystem stores", err)
	case errors.As(err, &path):
		return fault.File("unpack", path.Path, err)
	}
	return fault.New(fault.From(err).Code, "unpack: %w", err)
}
