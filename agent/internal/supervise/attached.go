package supervise

import (
	"errors"
	"net"
	"os"

	"bandsox.dev/agent/internal/qmp"
	"golang.org/x/sys/unix"
)

// attached is what the VMM inherits besides its standard files: descriptor 3 is its monitor, 4 the state it goes on
// from, 5 its TAP device; one that there is no use for is nil, and closed in the VMM. The monitor is a socket pair and
// not a socket file: nobody else reaches it.
type attached struct {
	monitor *qmp.Client
	theirs  []*os.File
}

// attach prepares the descriptors, or none where the VMM is not controlled through a monitor.
func attach(config Config, onEvent func(qmp.Event)) (*attached, error) {
	if config.ControlSocket == "" {
		return &attached{}, nil
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	a := &attached{theirs: []*os.File{os.NewFile(uintptr(ends[1]), "monitor"), nil, nil}}
	ours := os.NewFile(uintptr(ends[0]), "monitor")
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		a.handedOver()
		return nil, err
	}
	a.monitor = qmp.New(conn, onEvent)
	if err := a.open(config); err != nil {
		a.handedOver()
		return nil, errors.Join(err, a.monitor.Close())
	}
	return a, nil
}

func (a *attached) open(config Config) (err error) {
	if config.Incoming != "" {
		if a.theirs[1], err = os.Open(config.Incoming); err != nil {
			return err
		}
	}
	if tap := config.Tap; tap != nil && tap.HandOver == ByDescriptor {
		a.theirs[2], err = tap.open()
	}
	return err
}

// handedOver closes our copies of what the VMM has inherited.
func (a *attached) handedOver() {
	for _, file := range a.theirs {
		if file != nil {
			file.Close()
		}
	}
}
