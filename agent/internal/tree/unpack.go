package tree

import (
	"archive/tar"
	"errors"
	"io"
	"strings"

	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/fileerr"
	"bandsox.dev/agent/internal/files"
	"golang.org/x/sys/unix"
)

// Target is where an archive is unpacked.
type Target struct {
	Root       string // a directory
	Parents    bool   // make it if it is missing
	Replace    bool   // files and links take the place of those there are, directories get the archive's attributes
	KeepOwners bool   // trust the archive: owners, set-id bits, devices and capabilities are its own
}

// Unpacked says how much there was in an archive.
type Unpacked struct {
	Entries int64 `json:"entries"`
	Bytes   int64 `json:"bytes"` // of the files' content
}

// Unpack makes what a tar archive holds. Everything stays inside the target, whatever the archive says or has linked.
// A file has its name only once it is complete, or it was made under its own name where nothing was and is removed
// again if it cannot be completed. After an error, what came before it stays. Nothing is synced: there are too many.
//
// Faults of `from` are returned as they are; those of the archive are fileerr.ArchiveInvalid.
func Unpack(target Target, from io.Reader) (Unpacked, error) {
	return NewUnpacker(target).Unpack(from)
}

// Unpacker is Unpack for an archive that may be long in coming.
type Unpacker struct{ unpacker }

// NewUnpacker is for one archive.
func NewUnpacker(target Target) *Unpacker { return &Unpacker{unpacker{target: target}} }

// Unpack is called once.
func (u *Unpacker) Unpack(from io.Reader) (Unpacked, error) {
	u.tar, u.buffer = tar.NewReader(from), dataBuffers.Get().(*dataBuffer)
	defer dataBuffers.Put(u.buffer)
	return u.unpack(from)
}

func (u *unpacker) unpack(from io.Reader) (Unpacked, error) {
	if err := u.openRoot(); err != nil {
		return Unpacked{}, err
	}
	defer u.closeAll()
	for {
		header, err := u.tar.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return u.done, u.explainRead(err)
		}
		if err := u.entry(header); err != nil {
			return u.done, err
		}
	}
	for len(u.stack) > 1 {
		if err := u.leave(); err != nil {
			return u.done, err
		}
	}
	return u.done, errors.Join(u.leave(), u.finish(from))
}

type unpacker struct {
	target Target
	tar    *tar.Reader
	buffer *dataBuffer
	stack  []level // the directories from the root to the one that was last unpacked into
	part   *part   // the file that is being written; nil: none
	done   Unpacked
}

func (u *unpacker) openRoot() error {
	root, err := files.CheckPath(u.target.Root)
	if err != nil {
		return err
	}
	if u.target.Parents {
		if _, err := files.Mkdir(root, true, -1); err != nil {
			return err
		}
	}
	u.target.Root = root
	fd, err := unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fileerr.Of("unpack to", root, err)
	}
	u.stack = []level{{fd: fd}}
	return nil
}

// entry makes one entry of the archive.
func (u *unpacker) entry(header *tar.Header) error {
	if header.Typeflag == tar.TypeXGlobalHeader {
		return nil // comments
	}
	name, err := u.clean(header.Name)
	if err != nil || name == "." {
		return err // the root is the client's
	}
	if err := u.check(name, header); err != nil {
		return err
	}
	directory, base := "", name
	if slash := strings.LastIndexByte(name, '/'); slash >= 0 {
		directory, base = name[:slash], name[slash+1:]
	}
	dir, err := u.enter(directory)
	if err != nil {
		return err
	}
	u.done.Entries++
	at := spot{dir, base, name}
	switch header.Typeflag {
	case tar.TypeDir:
		err = u.makeDirectory(at, header)
	case tar.TypeReg:
		err = u.makeFile(at, header)
	default:
		err = u.makeOther(at, header)
	}
	return u.explain(name, err)
}

// clean makes a name of the archive a path below the root, without any `..`; "." is the root itself.
func (u *unpacker) clean(name string) (string, error) {
	if name == "" || len(name) >= unix.PathMax || name[0] == '/' || strings.IndexByte(name, 0) >= 0 {
		return "", u.invalid(name, "its name is empty, absolute, too long or has a zero byte in it")
	}
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' })
	kept := parts[:0]
	for _, part := range parts {
		if part == ".." {
			return "", u.invalid(name, "its name has .. in it")
		}
		if part != "." {
			kept = append(kept, part)
		}
	}
	if len(kept) == 0 {
		return ".", nil
	}
	return strings.Join(kept, "/"), nil
}

// check refuses entries nothing can be made of.
func (u *unpacker) check(name string, header *tar.Header) error {
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return u.invalid(name, "it is sparse")
		}
	}
	for _, id := range []int{header.Uid, header.Gid} {
		if u.target.KeepOwners && (id < 0 || id > maxID) {
			return u.invalid(name, "its owner is %d", id)
		}
	}
	switch header.Typeflag {
	case tar.TypeDir, tar.TypeReg, tar.TypeSymlink, tar.TypeLink, tar.TypeFifo:
		return nil
	case tar.TypeChar, tar.TypeBlock:
		if u.target.KeepOwners {
			return nil
		}
		return u.invalid(name, "it is a device, which only owner=keep allows")
	}
	return u.invalid(name, "its type is %q", header.Typeflag)
}

// maxID is the largest owner or group.
const maxID = 1<<32 - 2

// mode is what an entry's permission bits become.
func (u *unpacker) mode(header *tar.Header) uint32 {
	if u.target.KeepOwners {
		return uint32(header.Mode & 0o7777)
	}
	return uint32(header.Mode & 0o1777) // set-id bits are for the owner the archive meant
}

func (u *unpacker) at(name string) string {
	return strings.TrimSuffix(u.target.Root, "/") + "/" + name
}

func (u *unpacker) invalid(name, format string, args ...any) error {
	return fileerr.New(fileerr.ArchiveInvalid, "unpack", u.at(strings.ReplaceAll(name, "\x00", "\\0")), format, args...)
}

func (u *unpacker) explain(name string, err error) error {
	if isTransfer(err) {
		return err
	}
	return fileerr.Of("unpack", u.at(name), err)
}

// explainRead is for an error while the archive was read.
func (u *unpacker) explainRead(err error) error {
	if isTransfer(err) {
		return err
	}
	return fileerr.New(fileerr.ArchiveInvalid, "unpack to", u.target.Root, "%w", err)
}

// isTransfer says whether it is the frames that were at fault.
func isTransfer(err error) bool {
	return errors.Is(err, dataframe.ErrBroken) || errors.Is(err, dataframe.ErrFormat) || errors.Is(err, dataframe.ErrChecksum)
}

// finish reads what follows the archive, which is padding, up to the verified end.
func (u *unpacker) finish(from io.Reader) error {
	for {
		n, err := from.Read(u.buffer[:])
		for _, b := range u.buffer[:n] {
			if b != 0 {
				return u.explainRead(errors.New("more follows after its end"))
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return u.explainRead(err)
		}
	}
}
