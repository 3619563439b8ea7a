// Package fault is the closed set of ways an image operation fails.
//
// A message says what was attempted, on what, and what was found; it is lower
// case and has no trailing period. Wrap once, where the meaning is known.
package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Code names one kind of failure. Codes are stable: callers match on them.
type Code string

const (
	ImageNotFound        Code = "image_not_found"
	ImagePlatformMissing Code = "image_platform_missing"
	RegistryUnreachable  Code = "registry_unreachable"
	RegistryUnauthorized Code = "registry_unauthorized"
	RegistryRateLimited  Code = "registry_rate_limited"
	DaemonUnreachable    Code = "image_daemon_unreachable"
	ImageDigestMismatch  Code = "image_digest_mismatch"
	ImageInvalid         Code = "image_invalid"
	ImageUnsupported     Code = "image_unsupported"
	ImageTooLarge        Code = "image_too_large"
	DiskFull             Code = "disk_full"
	PermissionDenied     Code = "permission_denied"
	InvalidArgument      Code = "invalid_argument"
	// SnapshotInvalid is an archive that is no snapshot, or not a whole one
	SnapshotInvalid Code = "snapshot_invalid"
	Interrupted     Code = "interrupted"
	Internal        Code = "internal"
)

// Error is a failure a caller can act on.
type Error struct {
	Code    Code
	Message string
	// Details are facts for programs, keyed in camelCase; nil when there are none.
	Details map[string]any
	cause   error
}

// New builds an error of one code; `%w` keeps a cause reachable for errors.Is.
func New(code Code, format string, args ...any) *Error {
	cause := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: cause.Error(), cause: cause}
}

// With adds one fact and returns the same error.
func (e *Error) With(key string, value any) *Error {
	if e.Details == nil {
		e.Details = map[string]any{}
	}
	e.Details[key] = value
	return e
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.cause }

// From narrows any error to one with a code, so that the last resort is `internal`.
func From(err error) *Error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.Canceled):
		return New(Interrupted, "interrupted before the work was done")
	}
	return New(codeOfErrno(err), "%w", err)
}

// Wrap says in what an error happened and keeps its code and details.
func Wrap(err error, format string, args ...any) *Error {
	inner := From(err)
	outer := New(inner.Code, "%s: %w", fmt.Sprintf(format, args...), inner)
	outer.Details = inner.Details
	return outer
}

// File describes a failed operation on a host file, naming the path once.
func File(action, path string, err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return New(codeOfErrno(err), "%s %s: %w", action, path, Reason(err)).With("path", path)
}

// Reason strips the path and operation the standard library adds to a system error.
func Reason(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	var call *os.SyscallError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	case errors.As(err, &call):
		return call.Err
	}
	return err
}

// IsDiskFull reports whether the host ran out of blocks, inodes or quota.
func IsDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func codeOfErrno(err error) Code {
	switch {
	case IsDiskFull(err):
		return DiskFull
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return PermissionDenied
	}
	return Internal
}
