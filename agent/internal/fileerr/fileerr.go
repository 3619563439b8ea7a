// Package fileerr gives everything that can go wrong with a file the code a client sees (PROTOCOL.md §7).
package fileerr

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Code is the `code` of an error answer.
type Code string

const (
	NotFound          Code = "file_not_found"
	IsDirectory       Code = "is_directory"
	NotDirectory      Code = "not_directory"
	Exists            Code = "file_exists"
	DirectoryNotEmpty Code = "directory_not_empty"
	PermissionDenied  Code = "permission_denied"
	ReadOnly          Code = "read_only"
	NoSpace           Code = "no_space"
	PathInvalid       Code = "path_invalid"
	Changed           Code = "file_changed"
	ChecksumMismatch  Code = "checksum_mismatch"
	OffsetWrong       Code = "offset_wrong"
	ArchiveInvalid    Code = "archive_invalid"
	Failed            Code = "file_failed"
)

// Error is an error of the file at Path.
type Error struct {
	Code  Code
	Path  string
	doing string // what was attempted, a verb
	cause error
}

func (e *Error) Error() string { return fmt.Sprintf("%s %s: %v", e.doing, e.Path, e.cause) }

func (e *Error) Unwrap() error { return e.cause }

// New is an error that is not the kernel's.
func New(code Code, doing, path, format string, args ...any) error {
	return &Error{Code: code, Path: path, doing: doing, cause: fmt.Errorf(format, args...)}
}

// Of explains why doing something with path failed; nil stays nil, and an Error stays what it is: it knows better which
// file it is about.
func Of(doing, path string, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &Error{Code: codeOf(err), Path: path, doing: doing, cause: bare(err)}
}

var codes = map[unix.Errno]Code{
	unix.ENOENT:       NotFound,
	unix.EISDIR:       IsDirectory,
	unix.ENOTDIR:      NotDirectory,
	unix.EEXIST:       Exists,
	unix.ENOTEMPTY:    DirectoryNotEmpty,
	unix.EPERM:        PermissionDenied,
	unix.EACCES:       PermissionDenied,
	unix.EROFS:        ReadOnly,
	unix.ENOSPC:       NoSpace,
	unix.EDQUOT:       NoSpace,
	unix.ENAMETOOLONG: PathInvalid,
	unix.ELOOP:        PathInvalid,
}

func codeOf(err error) Code {
	var errno unix.Errno
	if errors.As(err, &errno) {
		if code, known := codes[errno]; known {
			return code
		}
	}
	return Failed
}

// bare drops the operation and path that package os repeats.
func bare(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
