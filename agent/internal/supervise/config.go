// Package supervise keeps one VMM process: it starts it, bounds its logs, carries connections to its guest, and records
// its end. It trusts neither the guest nor the VMM.
package supervise

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"bandsox.dev/agent/internal/slotnet"
)

// Transport is what carries the bytes between host and guest.
type Transport string

const (
	VirtioSerial Transport = "virtio-serial"
	Serial       Transport = "serial" // bytes that are not the agent's may be among them
	Vsock        Transport = "vsock"  // of the VMM's own
)

// Config is one VM. Paths are relative to the directory of the configuration file, which is also the VMM's.
type Config struct {
	VMID          string    `json:"vmId"`
	Argv          []string  `json:"argv"`
	Transport     Transport `json:"transport"`
	ChannelSocket string    `json:"channelSocket"` // "": the VMM serves agentSocket itself
	AgentSocket   string    `json:"agentSocket"`
	// ControlSocket is where others ask for pauses and saves; "": the VMM has no monitor
	ControlSocket string `json:"controlSocket"`
	// MemoryFile is what the guest's memory is a private mapping of; needed with ControlSocket
	MemoryFile string `json:"memoryFile"`
	// Incoming is the device state the VMM goes on from; "": it boots
	Incoming string `json:"incoming"`
	// Layer is how the layer disk is made; nil: it is there
	Layer *LayerConfig `json:"layer"`
	// Tap is what the guest's network device is connected to; nil: it has none, or one the VMM cares for itself
	Tap *Tap `json:"tap"`
	// Network is what the guest's network is served with; nil: with nothing
	Network         *slotnet.Config `json:"network"`
	ConsoleLog      string          `json:"consoleLog"`
	ConsoleMaxBytes int64           `json:"consoleMaxBytes"`
	VMMLog          string          `json:"vmmLog"`
	VMMLogMaxBytes  int64           `json:"vmmLogMaxBytes"`
	PidFile         string          `json:"pidFile"`
	ExitFile        string          `json:"exitFile"`
	// LimitsFile says how long the VM may run and be idle; it may come, change and go
	LimitsFile string `json:"limitsFile"`
	// EnforcedFile is where it is written what was done because of them
	EnforcedFile string `json:"enforcedFile"`
	// VitalsFile keeps how a busy guest was doing last, as it says itself
	VitalsFile string `json:"vitalsFile"`
	// ObserverSocket carries connections that do not keep the VM awake; "": there is none
	ObserverSocket string `json:"observerSocket"`
	// SignalFile is touched when the VM has ended or was paused; "": nobody wants to know
	SignalFile string `json:"signalFile"`
	// Fallback is what happens when the channel is dead; nil: nothing, and for a Firecracker see there
	Fallback *FallbackConfig `json:"fallback"`
	// Firecracker is set where the VMM is one
	Firecracker *FirecrackerConfig `json:"firecracker"`
}

// FallbackConfig is how the first serial line, which is the console otherwise, takes the place of a channel that is dead.
type FallbackConfig struct {
	// TransportFile receives what carries the channel then
	TransportFile string `json:"transportFile"`
	// ReadyPatienceMs is how long a guest that comes up may take to answer
	ReadyPatienceMs int64 `json:"readyPatienceMs"`
}

func (c Config) validateFallback() error {
	f := c.Fallback
	switch {
	case f == nil:
		return nil
	case f.TransportFile == "" || f.ReadyPatienceMs <= 0:
		return errors.New("fallback needs a transportFile and a readyPatienceMs")
	case c.Firecracker != nil || c.Transport != VirtioSerial || c.ControlSocket == "" || c.ChannelSocket == "":
		return errors.New("fallback is for QEMU's virtio-serial, with a channelSocket and a controlSocket")
	}
	return nil
}

// FirecrackerConfig is what only a Firecracker has.
type FirecrackerConfig struct {
	APISocket string `json:"apiSocket"`
	// VsockSocket is where Firecracker serves its guest's ports
	VsockSocket string `json:"vsockSocket"`
	// LogPipe and MetricsPipe are named pipes that are made for it
	LogPipe     string `json:"logPipe"`
	MetricsPipe string `json:"metricsPipe"`
	// MetricsFile receives what it has counted in all
	MetricsFile string `json:"metricsFile"`
	// TransportFile receives what carries the channel, when that is no longer what it was started with
	TransportFile string `json:"transportFile"`
	// Jail is set where the VMM is confined to a directory
	Jail *JailConfig `json:"jail"`
	// Tracks tells that it knows which pages differ from MemoryFile
	Tracks bool `json:"tracks"`
	// DeafensVsock tells that its guest hears nothing more through vsock after a pause until its connections are reset
	DeafensVsock bool `json:"deafensVsock"`
	// VsockPatienceMs is how long a connection through vsock may take before the serial line is tried
	VsockPatienceMs int64 `json:"vsockPatienceMs"`
	// ReadyPatienceMs is the same for the first one, which a kernel has to boot for
	ReadyPatienceMs int64 `json:"readyPatienceMs"`
}

// JailConfig is what a VMM is confined to.
type JailConfig struct {
	// Root is the VMM's root directory, relative to the VM's; apiSocket and vsockSocket are links into it
	Root string `json:"root"`
	// UID is the VMM's user and group
	UID int `json:"uid"`
	// Cgroup is the control group that is made for it, "" without one
	Cgroup string `json:"cgroup"`
}

// vmmUser is who the VMM runs as.
func (c Config) vmmUser() user {
	if c.Firecracker == nil {
		return jail{}.user()
	}
	return jail{c.Firecracker.Jail}.user()
}

// ReadConfig reads and checks a configuration file.
func ReadConfig(path string) (Config, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return Config{}, err
	}
	config := Config{
		Transport: VirtioSerial, AgentSocket: "agent.sock",
		ConsoleLog: "console.log", ConsoleMaxBytes: 1 << 20,
		VMMLog: "vmm.log", VMMLogMaxBytes: 256 << 10,
		PidFile: "supervisor.json", ExitFile: "exit.json",
		LimitsFile: "limits.json", EnforcedFile: "enforced.json", VitalsFile: "vitals.json",
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&config); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	if err := config.validate(); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return config, nil
}

// minLogBytes keeps a log able to hold a line after it was rotated.
const minLogBytes = 4 << 10

func (c Config) validate() error {
	switch {
	case c.VMID == "":
		return errors.New("vmId is missing")
	case len(c.Argv) == 0 || c.Argv[0] == "":
		return errors.New("argv is missing")
	case c.ConsoleMaxBytes < minLogBytes || c.VMMLogMaxBytes < minLogBytes:
		return fmt.Errorf("a log's maximum must be at least %d bytes", minLogBytes)
	case c.ConsoleLog == "" || c.VMMLog == "" || c.PidFile == "" || c.ExitFile == "":
		return errors.New("consoleLog, vmmLog, pidFile and exitFile must be named")
	case c.Firecracker != nil:
		return errors.Join(c.validateFirecracker(), c.Layer.validate())
	case c.ControlSocket != "" && c.MemoryFile == "":
		return errors.New("controlSocket needs a memoryFile")
	case c.Tap != nil && c.Tap.HandOver == ByDescriptor && c.ControlSocket == "":
		return errors.New("a tap handed over by descriptor needs a controlSocket")
	case c.Incoming != "" && c.ControlSocket == "":
		return errors.New("incoming needs a controlSocket")
	case c.Transport != VirtioSerial && c.Transport != Serial && c.Transport != Vsock:
		return fmt.Errorf("transport %q: expected %s, %s or %s", c.Transport, VirtioSerial, Serial, Vsock)
	case c.Transport == Vsock && c.ChannelSocket != "":
		return errors.New("a VMM with vsock has no channelSocket")
	case c.ChannelSocket != "" && c.AgentSocket == "":
		return errors.New("channelSocket needs an agentSocket")
	}
	return errors.Join(c.Tap.validate(), c.Network.Validate(), c.Layer.validate(), c.validateFallback())
}

func (c Config) validateFirecracker() error {
	f := c.Firecracker
	switch {
	case f.APISocket == "" || f.VsockSocket == "" || f.LogPipe == "" || f.MetricsPipe == "" || f.MetricsFile == "" || f.TransportFile == "":
		return errors.New("firecracker needs apiSocket, vsockSocket, logPipe, metricsPipe, metricsFile and transportFile")
	case f.Jail != nil && (f.Jail.Root == "" || f.Jail.UID <= 0):
		return errors.New("firecracker.jail needs a root and a uid")
	case f.Tracks && c.MemoryFile == "":
		return errors.New("firecracker.tracks needs a memoryFile")
	case f.VsockPatienceMs <= 0 || f.ReadyPatienceMs <= 0:
		return errors.New("firecracker.vsockPatienceMs and readyPatienceMs must be positive")
	case c.ControlSocket == "":
		return errors.New("firecracker needs a controlSocket")
	case c.ChannelSocket != "" || c.Incoming != "":
		return errors.New("firecracker has no channelSocket and no incoming")
	case c.Transport != Vsock && c.Transport != Serial:
		return fmt.Errorf("firecracker is reached over %s or %s, not %s", Vsock, Serial, c.Transport)
	}
	return nil
}
