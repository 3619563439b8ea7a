package supervise

import (
	"bufio"
	"encoding/json"
	"net"
	"net/netip"
	"os"

	"bandsox.dev/agent/internal/slotnet"
)

const (
	networkSocket = "network.sock"
	publishedFile = "published.json"
	// networkLogMaxBytes bounds what is kept of decisions, in bytes.
	networkLogMaxBytes = 2 << 20
	// A policy has at most 512 rules.
	policyLimit = 4 << 20
)

// network serves the guest's network, and takes changes of its policy on networkSocket: one JSON request a line, one
// JSON answer.
type network struct {
	service  *slotnet.Service
	log      *boundedLog
	listener net.Listener
	open     connections
}

// policyChange is a request.
type policyChange struct {
	Rules  json.RawMessage    `json:"rules"`
	Names  slotnet.NamePolicy `json:"names"`
	Forget []netip.Addr       `json:"forget"`
}

// serveNetwork serves what the configuration says, until the function it returns is called.
func serveNetwork(config Config) (end func(), err error) {
	if config.Network == nil {
		return func() {}, nil
	}
	if config.Network.Netns == "" {
		return publishByAgent(config)
	}
	log, err := openLog(config.Network.Log, networkLogMaxBytes)
	if err != nil {
		return nil, err
	}
	service, err := slotnet.Start(*config.Network, log.append)
	if err != nil {
		log.close()
		return nil, err
	}
	if len(config.Network.Ports) > 0 {
		if err := replaceFile(publishedFile, service.Ports()); err != nil {
			service.Close()
			log.close()
			return nil, err
		}
	}
	n := &network{service: service, log: log}
	if n.listener, err = listenPrivate(networkSocket); err != nil {
		n.service.Close()
		log.close()
		return nil, err
	}
	go n.serve()
	return n.close, nil
}

func (n *network) serve() {
	for {
		conn, err := acceptPatiently(n.listener)
		if err != nil {
			return
		}
		if !n.open.add(conn) {
			conn.Close()
			return
		}
		go func() {
			defer n.open.remove(conn)
			n.converse(conn)
		}()
	}
}

func (n *network) converse(conn net.Conn) {
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 0, 1024), policyLimit)
	for lines.Scan() {
		var reply response
		var change policyChange
		err := json.Unmarshal(lines.Bytes(), &change)
		if err == nil {
			err = n.service.Change(change.Rules, change.Names, change.Forget)
		}
		if err != nil {
			reply.Error = err.Error()
		}
		if json.NewEncoder(conn).Encode(reply) != nil {
			return
		}
	}
}

func (n *network) close() {
	n.listener.Close()
	n.open.closeAll()
	n.service.Close()
	n.log.close()
	os.Remove(networkSocket)
	os.Remove(publishedFile)
}
