package supervise

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
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
		report.emit(failedEvent{"failed", err.Error()})
		return 1
	}
	exit, err := supervise(config, filepath.Base(configPath), stop, report)
	if errors.Is(err, errAbandoned) {
		report.emit(failedEvent{"failed", err.Error()})
		return 1
	}
	if err != nil {
		exit = Exit{At: time.Now().UTC(), Reason: err.Error()}
	}
	recordErr := writeRecord(config.ExitFile, exit)
	tell(config.SignalFile)
	if err := errors.Join(err, recordErr); err != nil {
		report.emit(failedEvent{"failed", err.Error()})
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
	return config, keepFilesPrivate()
}

// supervise returns how the VMM ended, or why it never started.
func supervise(config Config, configName string, stop <-chan os.Signal, report *events) (Exit, error) {
	if err := claim(config); err != nil {
		return Exit{}, err
	}
	if err := confirm(config, configName); err != nil {
		return Exit{}, err
	}
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
	relay, err := listenRelay(config, func() {
		report.emit(agentReadyEvent{"agent-ready", time.Since(start).Milliseconds()})
	})
	if err != nil {
		return Exit{}, err
	}
	defer relay.close()
	endNetwork, err := serveNetwork(config)
	if err != nil {
		return Exit{}, err
	}
	defer endNetwork()
	inherited, err := attach(config)
	if err != nil {
		return Exit{}, err
	}
	process, err := startVMM(config, inherited.theirs, console, log)
	inherited.handedOver()
	if err != nil {
		return Exit{}, err
	}
	dog := newWatchdog(config, process.pid, relay.activity)
	endControl, err := serveControl(config, process, inherited, dog)
	if err != nil {
		process.end()
		return Exit{}, err
	}
	defer endControl()
	report.emit(startedEvent{"started", process.pid})
	relay.serve()
	memory := watchHostMemory()
	exit := awaitExit(process, stop, dog, log)
	exit.HostOOM = memory.killed(process.pid, exit)
	return exit, nil
}

// serveControl serves the control socket of a VMM that has a monitor, until the function it returns is called.
func serveControl(config Config, process *vmm, inherited *attached, dog *watchdog) (end func(), err error) {
	if config.ControlSocket == "" {
		return func() {}, nil
	}
	memory, err := os.Open(config.MemoryFile)
	if err != nil {
		return nil, err
	}
	control, err := listenControl(config.ControlSocket, inherited.monitor, saver{process.pid, memory}, dog)
	if err != nil {
		memory.Close()
		return nil, err
	}
	return func() {
		control.close()
		memory.Close()
		os.Remove(config.ControlSocket)
	}, nil
}

// claim records who owns the VM before there is anything to own. What tells of an end is of an earlier run.
func claim(config Config) error {
	for _, file := range []string{config.ExitFile, config.EnforcedFile, config.VitalsFile} {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	identity, err := ownIdentity()
	if err != nil {
		return err
	}
	return writeRecord(config.PidFile, identity)
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
