package slotnet

import (
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// decision is one line of the log.
type decision struct {
	At        string       `json:"at"`
	Verdict   string       `json:"verdict"`
	Rule      string       `json:"rule"`
	Kind      string       `json:"kind"` // "connection", "inbound" or "name"
	Protocol  string       `json:"protocol"`
	Address   *netip.Addr  `json:"address,omitempty"`
	Port      int          `json:"port,omitempty"`
	Name      string       `json:"name,omitempty"`
	Addresses []netip.Addr `json:"addresses,omitempty"`
}

// decisionLog writes decisions, one JSON object a line.
type decisionLog struct {
	mu    sync.Mutex
	write func([]byte)
}

func (l *decisionLog) tell(d decision) {
	d.At = time.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00")
	line, err := json.Marshal(d)
	if err != nil {
		panic(err) // our own types
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write(append(line, '\n'))
}

var protocols = map[byte]string{1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}

// decisionOf is what the kernel tells: `<in|out> <verdict> <rule>` and the beginning of the packet.
func decisionOf(prefix string, packet []byte) (decision, bool) {
	way, rest, _ := strings.Cut(prefix, " ")
	verdict, rule, _ := strings.Cut(rest, " ")
	if way != "in" && way != "out" || verdict != allow && verdict != deny {
		return decision{}, false
	}
	source, destination, protocol, transport, ok := parsePacket(packet)
	if !ok {
		return decision{}, false
	}
	d := decision{Verdict: verdict, Rule: rule, Kind: "connection", Protocol: protocol, Address: &destination}
	if way == "in" {
		d.Kind, d.Address = "inbound", &source
	}
	if (protocol == "tcp" || protocol == "udp") && len(transport) >= 4 {
		d.Port = int(binary.BigEndian.Uint16(transport[2:]))
	}
	return d, true
}

func parsePacket(packet []byte) (source, destination netip.Addr, protocol string, transport []byte, ok bool) {
	if len(packet) < 20 {
		return
	}
	var number byte
	switch packet[0] >> 4 {
	case 4:
		header := int(packet[0]&0xf) * 4
		if header < 20 || len(packet) < header {
			return
		}
		source, _ = netip.AddrFromSlice(packet[12:16])
		destination, _ = netip.AddrFromSlice(packet[16:20])
		number, transport = packet[9], packet[header:]
	case 6:
		if len(packet) < 40 {
			return
		}
		source, _ = netip.AddrFromSlice(packet[8:24])
		destination, _ = netip.AddrFromSlice(packet[24:40])
		number, transport = packet[6], packet[40:]
	default:
		return
	}
	protocol, known := protocols[number]
	if !known {
		protocol = "other"
	}
	return source, destination, protocol, transport, true
}
