package exec

import (
	"errors"
	"os"

	"bandsox.dev/agent/internal/frame"
	"golang.org/x/sys/unix"
)

const (
	defaultTerm = "xterm-256color"
	// maxCells bounds both sides of a terminal.
	maxCells = 4096
	// terminalLeft is more than the kernel buffers of a terminal's output.
	terminalLeft = 128 << 10
)

// ErrNoTerminal is a size for a command that has no terminal.
var ErrNoTerminal = errors.New("the command has no terminal")

// Size is a terminal's, in characters.
type Size struct {
	Cols int `json:"cols"`
	Rows int `json:"rows"`
}

// Check is an error unless both sides are from 1 to 4096.
func (s Size) Check() error {
	if s.Cols < 1 || s.Cols > maxCells || s.Rows < 1 || s.Rows > maxCells {
		return errors.New("a terminal has 1 to 4096 columns and rows")
	}
	return nil
}

// Terminal is what a client asks for.
type Terminal struct {
	Size
	Term string `json:"term,omitempty"`
}

func (t *Terminal) check() error {
	if t == nil {
		return nil
	}
	if err := t.Check(); err != nil {
		return notStarted("%s", err)
	}
	return nil
}

func (t *Terminal) term() string {
	if t.Term == "" {
		return defaultTerm
	}
	return t.Term
}

// terminal is our side of a pty.
type terminal struct{ master *os.File }

// openTerminal makes a pty that belongs to the user.
func openTerminal(asked Terminal, user identity) (*stdio, childFiles, error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, childFiles{}, &os.PathError{Op: "open", Path: "/dev/ptmx", Err: err}
	}
	ours := &terminal{os.NewFile(uintptr(fd), "/dev/ptmx")}
	slave, err := ours.openSlave(asked.Size, user)
	if err != nil {
		ours.master.Close()
		return nil, childFiles{}, err
	}
	child := childFiles{descriptors: [3]uintptr{uintptr(slave), uintptr(slave), uintptr(slave)}, opened: []int{slave}}
	input := newInput(ours.master)
	input.typing = true
	screen := &output{kind: frame.Stdout, file: ours.master, left: func(int) int { return terminalLeft }}
	return &stdio{input: input, outputs: []*output{screen}, terminal: ours}, child, nil
}

func (t *terminal) openSlave(size Size, user identity) (slave int, err error) {
	controlErr := t.control(func(master int) {
		if err = unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
			return
		}
		slave, err = openPeer(master)
	})
	if err == nil {
		err = controlErr
	}
	if err != nil {
		return -1, os.NewSyscallError("open a terminal", err)
	}
	if err = t.resize(size); err == nil {
		// Programs of the user open it by its name too; its group is the one devpts gives.
		err = os.NewSyscallError("chown a terminal", unix.Fchown(slave, int(user.uid), -1))
	}
	if err != nil {
		unix.Close(slave)
		return -1, err
	}
	return slave, nil
}

func (t *terminal) resize(size Size) error {
	var err error
	controlErr := t.control(func(master int) {
		err = unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(size.Rows), Col: uint16(size.Cols)})
	})
	if controlErr != nil {
		return controlErr
	}
	return os.NewSyscallError("resize a terminal", err)
}

func (t *terminal) control(work func(master int)) error {
	raw, err := t.master.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) { work(int(fd)) })
}

// openPeer opens the other side of a pty by the pty itself: a name in /dev is the guest's to choose.
func openPeer(master int) (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER,
		unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}
