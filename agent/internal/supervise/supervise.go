package supervise

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bandsox.dev/agent/internal/qmp"
)

// outputWait is how long the rest of a dead VMM's output is waited for.
const outputWait = time.Second

// Run supervises the VM of a configuration file until its VMM has ended, and returns the exit status of this process.
// Events go to out.
func Run(configPath string, out io.Writer) int {
	surviveClients()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	report := &events{out: out}
	config, err := enter(configPath)
	if err != nil {
		report.emit(failed(err))
		return 1
	}
	exit, err := supervise(config, filepath.Base(configPath), stop, report)
	if errors.Is(err, errAbandoned) {
		report.emit(failed(err))
		return 1
	}
	if err != nil {
		exit = Exit{At: time.Now().UTC(), Reason: err.Error()}
	}
	recordErr := writeRecord(config.ExitFile, exit)
	tell(config.SignalFile)
	if err := errors.Join(err, recordErr); err != nil {
		report.emit(failed(err))
		return 1
	}
	report.emit(exitedEvent{"exited", exit})
	return 0
}

// enter reads the configuration and goes to its directory, where socket paths are short.
func enter(configPath string) (Config, error) {
	config, err := ReadConfig(configPath)
	if err != nil {
		return Config{}, err
	}
	if err := os.Chdir(filepath.Dir(configPath)); err != nil {
		return Config{}, err
	}
	unix.Umask(0o077)
	return config, keepFilesPrivate()
}

// supervise returns how the VMM ended, or why it never started.
func supervise(config Config, configName string, stop chan os.Signal, report *events) (Exit, error) {
	signed, err := claim(config)
	if err != nil {
		return Exit{}, err
	}
	if err := confirm(config, configName); err != nil {
		return Exit{}, err
	}
	layer := begin(func() error {
		err := config.Layer.make()
		if err == nil && config.Layer != nil {
			report.emit(layerMadeEvent{"layer-made"})
		}
		return err
	})
	console, err := openLog(config.ConsoleLog, config.ConsoleMaxBytes)
	if err != nil {
		return Exit{}, err
	}
	defer console.close()
	console.begin()
	log, err := openLog(config.VMMLog, config.VMMLogMaxBytes)
	if err != nil {
		return Exit{}, err
	}
	defer log.close()
	start := time.Now()
	onReady := func() { report.emit(agentReadyEvent{"agent-ready", time.Since(start).Milliseconds()}) }
	logs := logs{console, log}
	endNetwork, err := serveNetwork(config)
	if err != nil {
		return Exit{}, err
	}
	defer endNetwork()
	hooks := hooks{report, onReady, layer, signed}
	if config.Firecracker != nil {
		return superviseFirecracker(config, logs, stop, hooks)
	}
	return superviseQemu(config, logs, stop, hooks)
}

// logs are what a VM and its VMM print.
type logs struct{ console, vmm *boundedLog }

// hooks tell of what happens, and what has to.
type hooks struct {
	report  *events
	onReady func()
	// layer is the making of the layer disk, and signed the keeping of the claim: both done before anybody is told
	layer, signed pending
}

func superviseQemu(config Config, logs logs, stop <-chan os.Signal, hooks hooks) (Exit, error) {
	relay, err := listenRelay(config, hooks.onReady)
	if err != nil {
		return Exit{}, err
	}
	defer relay.close()
	if err := hooks.layer.wait(stop); err != nil { // QEMU opens its disks as it starts
		return Exit{}, err
	}
	inherited, files, err := prepareQemu(config, relay, logs)
	if err != nil {
		return Exit{}, err
	}
	defer relay.guard.close()
	process, err := startVMM(config, inherited.theirs, files)
	inherited.handedOver()
	if files.input != nil {
		files.input.Close()
	}
	if err != nil {
		return Exit{}, err
	}
	dog := newWatchdog(config, process.pid, relay.activity)
	endControl, err := controlQemu(config, process, inherited, guarded{dog, relay})
	if err != nil {
		process.end()
		return Exit{}, err
	}
	defer endControl()
	if err := hooks.signed.wait(stop); err != nil {
		process.end()
		return Exit{}, err
	}
	hooks.report.emit(startedEvent{Type: "started", VMMPid: process.pid})
	relay.serve()
	return awaitEnd(process, stop, dog, logs.vmm), nil
}

// prepareQemu makes what QEMU inherits: its standard files, which lead to the serial line where that can be the channel,
// and the rest.
func prepareQemu(config Config, relay *relay, logs logs) (*attached, stdio, error) {
	if config.Fallback == nil {
		inherited, err := attach(config, func(qmp.Event) {})
		return inherited, stdio{output: logs.console, log: logs.vmm}, err
	}
	if err := os.RemoveAll(config.Fallback.TransportFile); err != nil { // of an earlier run
		return nil, stdio{}, err
	}
	line, stdin, err := newSerialSide(logs.console)
	if err != nil {
		return nil, stdio{}, err
	}
	guard := newPortGuard(*config.Fallback, line)
	guard.breakOff = relay.breakOff
	guard.record = func(reason string) {
		logs.vmm.take(fmt.Appendf(nil, "supervise: virtio-serial is dead (%s); the channel is on the serial line now\n", reason))
		if err := writeRecord(config.Fallback.TransportFile, transportRecord{Serial, reason}); err != nil {
			logs.vmm.take(fmt.Appendf(nil, "supervise: %v\n", err))
		}
	}
	relay.guard = guard
	inherited, err := attach(config, guard.onEvent)
	if err != nil {
		stdin.Close()
		return nil, stdio{}, errors.Join(err, line.Close())
	}
	guard.standing = func() bool { return isStanding(inherited.monitor) }
	return inherited, stdio{stdin, line, logs.vmm}, nil
}

// awaitEnd waits for the VMM's end, and finds out whether the host's memory was the reason.
func awaitEnd(process *vmm, stop <-chan os.Signal, dog *watchdog, log *boundedLog) Exit {
	memory := watchHostMemory()
	exit := awaitExit(process, stop, dog, log)
	exit.HostOOM = memory.killed(process.pid, exit)
	return exit
}

// controlQemu serves the control socket of a VMM that has a monitor, until the function it returns is called.
func controlQemu(config Config, process *vmm, inherited *attached, guarded guarded) (end func(), err error) {
	if config.ControlSocket == "" {
		return func() {}, nil
	}
	machine, err := openQemu(config, inherited.monitor, process.pid)
	if err != nil {
		return nil, err
	}
	return serveControl(config.ControlSocket, machine, guarded)
}

// guarded is what else there is of a machine: who ends it at its limits, and the way to its guest.
type guarded struct {
	dog   *watchdog
	relay *relay
}

// serveControl serves a machine's control socket, until the function it returns is called.
func serveControl(path string, machine machine, guarded guarded) (end func(), err error) {
	control, err := listenControl(path, machine, guarded)
	if err != nil {
		machine.close()
		return nil, err
	}
	return func() {
		control.close()
		os.Remove(path)
	}, nil
}

// claim records who owns the VM before there is anything to own, and begins to keep that on the disk. What tells of an
// end is of an earlier run.
func claim(config Config) (pending, error) {
	for _, file := range []string{config.ExitFile, config.EnforcedFile, config.VitalsFile} {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return pending{}, err
		}
	}
	identity, err := ownIdentity()
	if err != nil {
		return pending{}, err
	}
	return signRecord(config.PidFile, identity)
}

var errAbandoned = errors.New("the VM was removed before its VMM was started")

// confirm looks, once the claim can be read, whether the VM is still wanted. Whoever removes a VM removes the
// configuration first and then ends the owner on record: either we see the one or they see the other.
func confirm(config Config, configName string) error {
	_, err := os.Lstat(configName)
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return errors.Join(errAbandoned, os.Remove(config.PidFile))
}

func awaitExit(process *vmm, stop <-chan os.Signal, dog *watchdog, log *boundedLog) Exit {
	var exit Exit
	ended := make(chan struct{})
	verdict := make(chan *Enforced, 1)
	go func() { verdict <- dog.run(ended) }()
	select {
	case err := <-process.exited:
		exit = exitOf(err)
	case <-stop:
		exit = exitOf(process.end())
		exit.Requested = true
	case limit := <-verdict:
		if limit.Action == "delete" { // nothing of it is wanted any more
			exit = exitOf(process.end())
		} else {
			exit = exitOf(endGently(dog.config, process, stop))
		}
		exit.Requested = true
	}
	close(ended)
	if process.awaitOutput(outputWait) && exit.Reason == "" {
		exit.Reason = log.lastLine()
	}
	return exit
}
