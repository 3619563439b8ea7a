package exec

import (
	"errors"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

// accountFileLimit bounds how much of /etc/passwd and /etc/group is read, in bytes.
const accountFileLimit = 4 << 20

// identity is whom a command runs as.
type identity struct {
	uid, gid uint32
	groups   []uint32
	home     string
}

// lookUpIdentity resolves `name|uid[:group|gid]` against the image's accounts; an empty spec is root. A numeric id
// needs no account.
func lookUpIdentity(spec string) (identity, error) {
	passwd := openAccounts("/etc/passwd")
	defer passwd.Close()
	group := openAccounts("/etc/group")
	defer group.Close()
	found, err := user.GetExecUser(spec, &user.ExecUser{Home: "/"}, io.LimitReader(passwd, accountFileLimit),
		io.LimitReader(group, accountFileLimit))
	name, groupName, _ := strings.Cut(spec, ":")
	switch {
	case errors.Is(err, user.ErrNoPasswdEntries):
		return identity{}, notStarted("unknown user %s: not in the image's /etc/passwd", name)
	case errors.Is(err, user.ErrNoGroupEntries):
		return identity{}, notStarted("unknown group %s: not in the image's /etc/group", groupName)
	case err != nil:
		return identity{}, notStarted("user %s: %s", spec, err)
	}
	id := identity{uid: uint32(found.Uid), gid: uint32(found.Gid), home: found.Home}
	if id.home == "" {
		id.home = "/"
	}
	for _, gid := range found.Sgids {
		id.groups = append(id.groups, uint32(gid))
	}
	return id, nil
}

func (id identity) credential() *syscall.Credential {
	return &syscall.Credential{Uid: id.uid, Gid: id.gid, Groups: id.groups}
}

// openAccounts opens an account file of the image; anything but a regular file reads as empty, so that a planted pipe
// or device cannot hold up the agent.
func openAccounts(name string) io.ReadCloser {
	file, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return io.NopCloser(strings.NewReader(""))
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		file.Close()
		return io.NopCloser(strings.NewReader(""))
	}
	return file
}
