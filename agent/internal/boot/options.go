package boot

import (
	"fmt"
	"strings"
)

// Options are the agent's words on the kernel command line.
type Options struct {
	Channel ChannelKind // bandsox.channel=
	Off     OffMode     // bandsox.off=
	// SerialToo serves the serial line beside the channel: bandsox.fallback=serial
	SerialToo bool
}

// ChannelKind is the device that connects guest and host.
type ChannelKind string

const (
	VirtioSerial ChannelKind = "virtio-serial" // the first serial line instead, if the kernel cannot have the port
	Vsock        ChannelKind = "vsock"
	SerialLine   ChannelKind = "serial"
)

// OffMode is how the machine is ended: what makes the VMM exit depends on its machine model.
type OffMode string

const (
	PowerOff OffMode = "poweroff"
	Reboot   OffMode = "reboot"
)

// ParseOptions reads a kernel command line. An unknown value is an error, an unknown word is the kernel's business.
func ParseOptions(commandLine string) (Options, error) {
	options := Options{Channel: VirtioSerial, Off: PowerOff}
	for _, word := range strings.Fields(commandLine) {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "bandsox.channel":
			options.Channel = ChannelKind(value)
		case "bandsox.off":
			options.Off = OffMode(value)
		case "bandsox.fallback":
			if ChannelKind(value) != SerialLine {
				return options, fmt.Errorf("bandsox.fallback=%s: expected %s", value, SerialLine)
			}
			options.SerialToo = true
		}
	}
	if options.Channel != VirtioSerial && options.Channel != Vsock && options.Channel != SerialLine {
		return options, fmt.Errorf("bandsox.channel=%s: expected %s, %s or %s", options.Channel, VirtioSerial, Vsock,
			SerialLine)
	}
	if options.Off != PowerOff && options.Off != Reboot {
		return options, fmt.Errorf("bandsox.off=%s: expected %s or %s", options.Off, PowerOff, Reboot)
	}
	return options, nil
}
