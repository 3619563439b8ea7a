package boot

import "testing"

func TestOptionsAreReadFromTheKernelCommandLine(t *testing.T) {
	for line, want := range map[string]Options{
		"console=ttyS0 quiet\n":                    {VirtioSerial, PowerOff},
		"bandsox.channel=vsock bandsox.off=reboot": {Vsock, Reboot},
		"bandsox.channel=serial":                   {SerialLine, PowerOff},
		"bandsox.other=1 bandsox.off=poweroff":     {VirtioSerial, PowerOff},
	} {
		if got, err := ParseOptions(line); err != nil || got != want {
			t.Errorf("%q: got %v, %v", line, got, err)
		}
	}
}

func TestUnknownValuesAreRefused(t *testing.T) {
	for _, line := range []string{"bandsox.channel=pigeon", "bandsox.off=", "bandsox.channel"} {
		if _, err := ParseOptions(line); err == nil {
			t.Errorf("%q was accepted", line)
		}
	}
}
