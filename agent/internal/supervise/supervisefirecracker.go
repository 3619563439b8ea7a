package supervise

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

const (
	// apiPatience is how long a Firecracker may take until its API socket is there.
	apiPatience = 10 * time.Second
	apiPause    = time.Millisecond
)

// transportRecord is what carries the channel, and why it is not what the VM was started with.
type transportRecord struct {
	Transport Transport `json:"transport"`
	Reason    string    `json:"reason"`
}

func superviseFirecracker(config Config, logs logs, stop chan os.Signal, hooks hooks) (Exit, error) {
	if err := clearSockets(config); err != nil {
		return Exit{}, err
	}
	pipes, err := openPipes(*config.Firecracker, logs.vmm)
	if err != nil {
		return Exit{}, err
	}
	defer pipes.close()
	defer jail{config.Firecracker.Jail}.endCgroup()
	line, stdin, err := newSerialSide(logs.console)
	if err != nil {
		return Exit{}, err
	}
	defer line.Close()
	begun := time.Now()
	process, err := startVMM(config, nil, stdio{stdin, line, logs.vmm})
	stdin.Close()
	if err != nil {
		return Exit{}, err
	}
	if err := awaitAPI(config.Firecracker.APISocket, process, stop); err != nil {
		process.end()
		return Exit{}, err
	}
	startMs := float64(time.Since(begun).Microseconds()) / 1000
	for _, work := range []pending{hooks.layer, hooks.signed} { // it opens its disks when it is asked to
		if err := work.wait(stop); err != nil {
			process.end()
			return Exit{}, err
		}
	}
	guest, err := reachGuest(config, line, hooks.onReady, logs.vmm)
	if err != nil {
		process.end()
		return Exit{}, err
	}
	defer guest.close()
	worker := process.pid
	if config.Firecracker.Jail != nil {
		worker = lastDescendant(worker) // what we started only waits for it
	}
	dog := newWatchdog(config, worker, guest.relay.activity)
	endControl, err := controlFirecracker(config, firecrackerParts{guest, pipes.meter, dog})
	if err != nil {
		process.end()
		return Exit{}, err
	}
	defer endControl()
	hooks.report.emit(startedEvent{"started", process.pid, startMs})
	guest.relay.serve()
	if guest.relay.vsock.isAlive() {
		guest.serve()
	}
	return awaitEnd(process, stop, dog, logs.vmm), nil
}

// clearSockets removes what an earlier run left: Firecracker does not bind a name that is taken. In a jail, which is made
// anew for each run, the names are links.
func clearSockets(config Config) error {
	f := config.Firecracker
	left := []string{f.TransportFile, f.MetricsFile}
	if f.Jail == nil {
		left = append(left, f.APISocket, f.VsockSocket)
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// awaitAPI returns when the API socket takes connections, or the VMM has ended or is to end, which whoever waits for
// that finds. Its file appears before it listens, so that is not waited for.
func awaitAPI(path string, process *vmm, stop chan os.Signal) error {
	for end := time.Now().Add(apiPatience); time.Now().Before(end); time.Sleep(apiPause) {
		if conn, err := net.Dial("unix", path); err == nil {
			return conn.Close()
		}
		if process.hasEnded() {
			return nil
		}
		select {
		case <-stop:
			stop <- syscall.SIGTERM
			return nil
		default:
		}
	}
	return fmt.Errorf("its API socket did not appear within %v", apiPatience)
}

// reachGuest makes the way to the guest: through vsock, or over the serial line from the beginning.
func reachGuest(config Config, line *serialSide, onReady func(), log *boundedLog) (*vsockGuest, error) {
	relay := newRelay(true, onReady)
	if err := relay.listenClients(config); err != nil {
		return nil, err
	}
	if config.Transport == Vsock {
		relay.vsock = newVsockRoute(config.Firecracker.VsockSocket)
	} else {
		relay.useSerial(line)
	}
	record := func(transport Transport, reason string) error {
		log.take(fmt.Appendf(nil, "supervise: vsock is dead (%s); the channel is on the serial line now\n", reason))
		return writeRecord(config.Firecracker.TransportFile, transportRecord{transport, reason})
	}
	return watchVsock(config, relay, line, record), nil
}

// firecrackerParts are what control has a Firecracker do things with.
type firecrackerParts struct {
	guest *vsockGuest
	meter *meter
	dog   *watchdog
}

func controlFirecracker(config Config, parts firecrackerParts) (end func(), err error) {
	machine, err := openFirecracker(config, parts.guest, parts.meter)
	if err != nil {
		return nil, err
	}
	return serveControl(config.ControlSocket, machine, guarded{parts.dog, parts.guest.relay})
}
