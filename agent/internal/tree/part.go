package tree

import (
	"crypto/rand"

	"golang.org/x/sys/unix"
)

// part is a file that is not whole yet.
type part struct {
	dir     int
	name    string
	isShown bool  // under the name it is to have
	failure error // why it could not be hidden
}

func tempName() string { return ".bsx-upload-" + rand.Text() }

// Hide takes a file that is not whole from its name; it gets that back when it is. It is for the reader of the archive,
// which does not know when more of it will come.
func (u *Unpacker) Hide() {
	p := u.part
	if p == nil || !p.isShown {
		return
	}
	temp := tempName()
	p.isShown = false
	if p.failure = unix.Renameat(p.dir, p.name, p.dir, temp); p.failure == nil {
		p.name = temp
	}
}

// show gives a whole file its name, if it was hidden.
func (p *part) show(name string, replace bool) error {
	if p.failure != nil || p.name == name {
		return p.failure
	}
	if replace {
		return unix.Renameat(p.dir, p.name, p.dir, name)
	}
	return unix.Renameat2(p.dir, p.name, p.dir, name, unix.RENAME_NOREPLACE)
}
