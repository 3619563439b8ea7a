// Command agent is /init of every guest: it boots the machine and serves the host until the machine is turned off.
package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"bandsox.dev/agent/internal/began"
	"bandsox.dev/agent/internal/boot"
	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/httpapi"
	"bandsox.dev/agent/internal/kmsg"
	"bandsox.dev/agent/internal/machine"
	"bandsox.dev/agent/internal/reap"
)

// version is set by the linker.
var version = "dev"

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "agent "+version+": runs only as the first process of a guest")
		os.Exit(2)
	}
	if err := run(); err != nil {
		boot.OpenConsole().Printf("%v", err)
		boot.End(boot.PowerOff)
	}
	boot.End(boot.Reboot)
}

// run boots and serves; it returns only with the error that makes the guest useless.
func run() error {
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
	modules, err := boot.FindModules("/modules")
	if err != nil {
		return err
	}
	if options.Channel == boot.VirtioSerial {
		modules.LoadFirst(boot.PortModules)
	}
	reaper := reap.New(reap.AllChildren)
	// The host is answered before the kernel has all that a machine takes, where it can be.
	prepare := sync.OnceFunc(func() {
		modules.LoadRest(console)
		for _, step := range []func() error{boot.RaiseLoopback, boot.CalmRuntime, exec.RaiseFileLimit} {
			if err := step(); err != nil {
				console.Printf("%v", err)
			}
		}
		reaper.Watch()
	})
	if options.Channel != boot.VirtioSerial || !boot.HasPortDriver() {
		prepare()
	}
	return newServing(options.Off, reaper, prepare, console).serve(options)
}

func newServing(off boot.OffMode, reaper *reap.Reaper, prepare func(), console *boot.Console) serving {
	guest := machine.New(prepare, console)
	about := httpapi.About{Version: version, Kernel: boot.KernelRelease(), StartMs: began.UptimeMs}
	if log, err := kmsg.Open(); err != nil {
		console.Printf("%v", err)
	} else {
		about.KernelLog = log
	}
	var once sync.Once
	api := httpapi.New(about, guest, reaper, func(grace time.Duration) {
		once.Do(func() {
			guest.Stop(reaper, grace)
			if err := boot.End(off); err != nil {
				console.Printf("%v", err)
			}
		})
	})
	return serving{api, console}
}
