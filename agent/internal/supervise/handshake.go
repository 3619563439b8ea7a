package supervise

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"bandsox.dev/agent/internal/channel"
	"golang.org/x/sys/unix"
)

const (
	// Bytes of the line a client opens with.
	handshakeLimit = 32
	// How long a client may take to say it, and to take an answer.
	handshakeTimeout = 10 * time.Second
)

// readHandshake reads `CONNECT <port>\n` and refuses every port but the agent's. Bytes that follow stay in the reader.
func readHandshake(conn net.Conn) (*bufio.Reader, error) {
	conn.SetReadDeadline(time.Now().Add(handshakeTimeout))
	reader := bufio.NewReaderSize(conn, handshakeLimit)
	line, err := reader.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		return nil, fmt.Errorf("the first line is longer than %d bytes", handshakeLimit)
	}
	if err != nil {
		return nil, err
	}
	word, port, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), " ")
	if word != "CONNECT" {
		return nil, fmt.Errorf("expected CONNECT %d", channel.AgentPort)
	}
	if port != strconv.Itoa(channel.AgentPort) {
		return nil, fmt.Errorf("only port %d is served", channel.AgentPort)
	}
	return reader, conn.SetReadDeadline(time.Time{})
}

// refuse answers a client with the reason; whether it reads it does not matter.
func refuse(conn net.Conn, reason string) {
	conn.SetWriteDeadline(time.Now().Add(handshakeTimeout))
	io.WriteString(conn, "ERR "+reason+"\n")
}

// awaitHangup returns when the client has closed its socket altogether, or at the read deadline. A client that has only
// finished sending does not count, and nothing is read.
func awaitHangup(conn *net.UnixConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	raw.Read(func(fd uintptr) bool { return hungUp(int(fd)) })
}

func hungUp(fd int) bool {
	state := []unix.PollFd{{Fd: int32(fd)}}
	_, err := unix.Poll(state, 0)
	return err == nil && state[0].Revents&unix.POLLHUP != 0
}

// readable tells whether a read of the socket would return at once.
func readable(fd int) bool {
	state := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(state, 0)
	return err != nil || n > 0
}
