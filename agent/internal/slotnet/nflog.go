package slotnet

import (
	"encoding/binary"
	"strings"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// The kernel's words for what a `log group` rule sends (linux/netfilter/nfnetlink_log.h).
const (
	subsystemLog   = 4
	messagePacket  = subsystemLog << 8
	messageConfig  = subsystemLog<<8 | 1
	configCommand  = 1
	configMode     = 2
	configQueue    = 5
	commandBind    = 1
	copyPacket     = 2
	attrPayload    = 9
	attrPrefix     = 10
	copiedBytes    = 128
	genericHeader  = 4
	receiveBuffers = 256 << 10
)

// listenLog receives what log rules of a namespace tell. Sockets of the package netlink open descriptors of namespaces.
func listenLog(netns int, group uint16) (*netlink.Conn, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: netns})
	if err != nil {
		return nil, err
	}
	// A flood is lost and not an error.
	conn.SetOption(netlink.NoENOBUFS, true)
	conn.SetReadBuffer(receiveBuffers)
	mode := binary.BigEndian.AppendUint32(nil, copiedBytes)
	settings := []netlink.Attribute{
		{Type: configCommand, Data: []byte{commandBind}},
		{Type: configMode, Data: append(mode, copyPacket, 0)},
		{Type: configQueue, Data: binary.BigEndian.AppendUint32(nil, 1)}, // at once
	}
	for _, setting := range settings {
		attributes, err := netlink.MarshalAttributes([]netlink.Attribute{setting})
		if err == nil {
			header := []byte{unix.AF_UNSPEC, 0, byte(group >> 8), byte(group)}
			_, err = conn.Execute(netlink.Message{
				Header: netlink.Header{Type: messageConfig, Flags: netlink.Request | netlink.Acknowledge},
				Data:   append(header, attributes...),
			})
		}
		if err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

// receiveLog tells each packet until the connection is closed.
func receiveLog(conn *netlink.Conn, tell func(prefix string, packet []byte)) {
	for {
		messages, err := conn.Receive()
		if err != nil {
			return
		}
		for _, message := range messages {
			if message.Header.Type != messagePacket || len(message.Data) < genericHeader {
				continue
			}
			attributes, err := netlink.UnmarshalAttributes(message.Data[genericHeader:])
			if err != nil {
				continue
			}
			var prefix string
			var packet []byte
			for _, attribute := range attributes {
				switch attribute.Type {
				case attrPrefix:
					prefix = strings.TrimRight(string(attribute.Data), "\x00")
				case attrPayload:
					packet = attribute.Data
				}
			}
			tell(prefix, packet)
		}
	}
}
