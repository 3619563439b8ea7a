// Command agent is /init of every guest: it boots the machine and serves the host until the machine is turned off.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"bandsox.dev/agent/internal/boot"
	"bandsox.dev/agent/internal/channel"
	"bandsox.dev/agent/internal/channel/serialline"
	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/httpapi"
	"bandsox.dev/agent/internal/kmsg"
	"bandsox.dev/agent/internal/machine"
	"bandsox.dev/agent/internal/reap"
)

// version is set by the linker.
var version = "dev"

func main() {
	startMs := boot.UptimeMs()
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "agent "+version+": runs only as the first process of a guest")
		os.Exit(2)
	}
	if err := run(startMs); err != nil {
		boot.OpenConsole().Printf("%v", err)
		boot.End(boot.PowerOff)
	}
	boot.End(boot.Reboot)
}

// run boots and serves; it returns only with the error that makes the guest useless.
func run(startMs int64) error {
	if err := boot.MountKernelFilesystems(); err != nil {
		return err
	}
	console := boot.OpenConsole()
	commandLine, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return err
	}
	options, err := boot.ParseOptions(string(commandLine))
	if err != nil {
		return err
	}
	if err := boot.LoadModules("/modules", console); err != nil {
		return err
	}
	if err := boot.RaiseLoopback(); err != nil {
		console.Printf("%v", err)
	}
	if err := boot.CalmRuntime(); err != nil {
		console.Printf("%v", err)
	}
	if err := exec.RaiseFileLimit(); err != nil {
		console.Printf("%v", err)
	}
	return serve(options, newAPI(startMs, options.Off, console), console)
}

func newAPI(startMs int64, off boot.OffMode, console *boot.Console) *httpapi.API {
	reaper := reap.Start(reap.AllChildren)
	guest := machine.New(console)
	about := httpapi.About{Version: version, Kernel: boot.KernelRelease(), StartMs: startMs}
	if log, err := kmsg.Open(); err != nil {
		console.Printf("%v", err)
	} else {
		about.KernelLog = log
	}
	var once sync.Once
	return httpapi.New(about, guest, reaper, func(grace time.Duration) {
		once.Do(func() {
			guest.Stop(reaper, grace)
			if err := boot.End(off); err != nil {
				console.Printf("%v", err)
			}
		})
	})
}

// serve serves the channel, and the serial line beside it where the host may fall back to that. In a kernel without
// vsock, or when the port is lost, the line is then all there is.
func serve(options boot.Options, api *httpapi.API, console *boot.Console) error {
	if options.Channel == boot.VirtioSerial && options.SerialToo {
		failed := make(chan error, 2)
		go func() { failed <- servePortOnly(api) }()
		go func() { failed <- serveOn(boot.SerialLine, api, console) }()
		first := <-failed
		console.Printf("%v; the other way to the host is left", first)
		return errors.Join(first, <-failed)
	}
	if options.Channel != boot.Vsock {
		return serveOn(options.Channel, api, console)
	}
	listener, err := channel.ListenVsock()
	if err != nil && options.SerialToo {
		console.Printf("%v; using %s", err, boot.SerialDevice)
		return serveOn(boot.SerialLine, api, console)
	}
	if err != nil {
		return err
	}
	if options.SerialToo {
		go serveOn(boot.SerialLine, api, console)
	}
	api.Ready(boot.UptimeMs())
	return api.Serve(listener)
}

// serveOn serves a channel that carries one session at a time.
func serveOn(kind boot.ChannelKind, api *httpapi.API, console *boot.Console) error {
	port, err := openPort(kind, console)
	if err != nil {
		return err
	}
	api.Ready(boot.UptimeMs())
	return servePort(port, api)
}

// servePortOnly serves the virtio port, where the kernel can have it.
func servePortOnly(api *httpapi.API) error {
	if !boot.HasPortDriver() {
		return errors.New("the kernel has no virtio console")
	}
	port, err := boot.OpenPort()
	if err != nil {
		return err
	}
	api.Ready(boot.UptimeMs())
	return servePort(port, api)
}

// port is a channel that carries one session at a time.
type port interface {
	channel.Transport
	// AwaitHost returns when a handshake may begin.
	AwaitHost() error
}

// openPort opens the virtio port, or the serial line where that is wanted or all there is.
func openPort(kind boot.ChannelKind, console *boot.Console) (port, error) {
	if kind == boot.VirtioSerial && boot.HasPortDriver() {
		return boot.OpenPort()
	}
	if kind == boot.VirtioSerial {
		console.Printf("the kernel has no virtio console; using %s", boot.SerialDevice)
	}
	tty, err := boot.OpenSerial()
	if err != nil {
		return nil, err
	}
	// Garbage may be the work of a process that has set the line to interpret bytes.
	restore := func() {
		if err := tty.MakeRaw(); err != nil {
			console.Printf("%v", err)
		}
	}
	return serialPort{serialline.NewGuest(tty, restore), tty}, nil
}

// serialPort is records on a serial line.
type serialPort struct {
	*serialline.Line
	tty *boot.Serial
}

func (p serialPort) AwaitHost() error { return p.tty.AwaitHost() }

// servePort serves one session with the host after the other.
func servePort(port port, api *httpapi.API) error {
	link := channel.NewLink(port)
	for {
		if err := port.AwaitHost(); err != nil {
			return err
		}
		if err := link.AnswerSync(); errors.Is(err, io.EOF) {
			continue // the host has left
		} else if err != nil {
			return err
		}
		session, err := link.ServeSession()
		if err != nil {
			return err
		}
		api.Serve(session)
		session.Close()
	}
}
