package supervise

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"bandsox.dev/agent/internal/slotnet"
)

const (
	// publishPatience is how long a guest may take to connect to a port of its own.
	publishPatience = 10 * time.Second
	// answerLimit bounds the head of its answer, in bytes.
	answerLimit = 4 << 10
)

// publishByAgent opens ports of the host that lead into a guest with no address the host could reach: its agent
// connects them. It ends with the function it returns.
func publishByAgent(config Config) (end func(), err error) {
	dial := func(guest netip.AddrPort) (slotnet.Conn, error) { return dialInGuest(config.AgentSocket, guest) }
	var opened []*slotnet.Published
	end = func() {
		for _, one := range opened {
			one.Close()
		}
		os.Remove(publishedFile)
	}
	var ports []slotnet.Port
	slots := make(chan struct{}, slotnet.PublishedMax)
	for _, port := range config.Network.Ports {
		one, err := slotnet.Publish(port, dial, slots)
		if err != nil {
			end()
			return nil, err
		}
		opened = append(opened, one)
		ports = append(ports, one.Port())
	}
	if err := replaceFile(publishedFile, ports); err != nil {
		end()
		return nil, err
	}
	return end, nil
}

// dialInGuest asks the agent for a connection to a server in the guest, as any other client does.
func dialInGuest(socket string, guest netip.AddrPort) (slotnet.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), publishPatience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(publishPatience))
	if err := askForPort(conn, guest); err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return conn.(*net.UnixConn), nil
}

// askForPort turns a connection to the agent into one to the guest's port; nothing of what that says is taken.
func askForPort(conn net.Conn, guest netip.AddrPort) error {
	if err := greet(conn); err != nil {
		return err
	}
	_, err := fmt.Fprintf(conn, "GET /v1/tcp?port=%d&host=%s HTTP/1.1\r\nHost: agent\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
		guest.Port(), guest.Addr())
	if err != nil {
		return err
	}
	bounded := io.LimitReader(&oneByOne{conn}, answerLimit)
	answer, err := http.ReadResponse(bufio.NewReaderSize(bounded, 1), nil)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("connect to port %d in the guest: status %d", guest.Port(), answer.StatusCode)
	}
	return nil
}
