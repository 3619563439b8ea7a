package boot

import "testing"

func TestOptionsAreReadFromTheKernelCommandLine(t *testing.T) {
	for line, want := range map[string]Options{
		"console=ttyS0 quiet\n":                         {Channel: VirtioSerial, Off: PowerOff},
		"bandsox.channel=vsock bandsox.off=reboot":      {Channel: Vsock, Off: Reboot},
		"bandsox.channel=serial":                        {Channel: SerialLine, Off: PowerOff},
		"bandsox.channel=vsock bandsox.fallback=serial": {Vsock, PowerOff, true},
		"bandsox.other=1 bandsox.off=poweroff":          {Channel: VirtioSerial, Off: PowerOff},
	} {
		if got, err := ParseOptions(line); err != nil || got != want {
			t.Errorf("%q: got %v, %v", line, got, err)
		}
	}
}

func TestUnknownValuesAreRefused(t *testing.T) {
	for _, line := range []string{"bandsox.channel=pigeon", "bandsox.off=", "bandsox.channel", "bandsox.fallback=vsock"} {
		if _, err := ParseOptions(line); err == nil {
			t.Errorf("%q was accepted", line)
		}
	}
}
