package channel

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// AgentPort is the port of the agent, as a vsock port and in the handshake on agent.sock.
const AgentPort = 52

// ListenVsock accepts connections of the host on AgentPort.
func ListenVsock() (net.Listener, error) {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open a vsock socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrVM{CID: unix.VMADDR_CID_ANY, Port: AgentPort}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("bind vsock port %d: %w", AgentPort, err)
	}
	if err := unix.Listen(fd, 128); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("listen on vsock port %d: %w", AgentPort, err)
	}
	return &vsockListener{file: os.NewFile(uintptr(fd), "vsock-listener")}, nil
}

type vsockListener struct{ file *os.File }

func (l *vsockListener) Accept() (net.Conn, error) {
	raw, err := l.file.SyscallConn()
	if err != nil {
		return nil, err
	}
	accepted, acceptErr := -1, error(nil)
	err = raw.Read(func(fd uintptr) bool {
		accepted, _, acceptErr = unix.Accept4(int(fd), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		return acceptErr != unix.EAGAIN && acceptErr != unix.EINTR && acceptErr != unix.ECONNABORTED
	})
	if err != nil {
		return nil, err
	}
	if acceptErr != nil {
		return nil, os.NewSyscallError("accept", acceptErr)
	}
	return &vsockConn{File: os.NewFile(uintptr(accepted), "vsock")}, nil
}

func (l *vsockListener) Close() error   { return l.file.Close() }
func (l *vsockListener) Addr() net.Addr { return vsockAddr{} }

// vsockConn is a connected socket; the file gives it reads, writes and deadlines.
type vsockConn struct{ *os.File }

func (c *vsockConn) Read(p []byte) (int, error) {
	n, err := c.File.Read(p)
	return n, netError("read", err)
}

func (c *vsockConn) Write(p []byte) (int, error) {
	n, err := c.File.Write(p)
	return n, netError("write", err)
}

// netError makes a file's error a connection's: the HTTP server knows the end of a read's time, which it sets itself
// between two requests, by a net.Error, and takes anything else for a client that has gone.
func netError(op string, err error) error {
	var failed *fs.PathError
	if !errors.As(err, &failed) {
		return err
	}
	return &net.OpError{Op: op, Net: vsockAddr{}.Network(), Addr: vsockAddr{}, Err: failed.Err}
}

// CloseWrite tells the host that nothing more comes; what it still sends can be read.
func (c *vsockConn) CloseWrite() error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.Shutdown(int(fd), unix.SHUT_WR) }); err != nil {
		return err
	}
	return os.NewSyscallError("shutdown", failed)
}

func (c *vsockConn) LocalAddr() net.Addr  { return vsockAddr{} }
func (c *vsockConn) RemoteAddr() net.Addr { return vsockAddr{} }

type vsockAddr struct{}

func (vsockAddr) Network() string { return "vsock" }
func (vsockAddr) String() string  { return "vsock" }
