package supervise

import (
	"errors"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// vmmPipes are the named pipes a Firecracker writes its log and its metrics to.
type vmmPipes struct {
	jail    jail
	files   []*os.File
	meter   *meter
	running sync.WaitGroup
}

// openPipes makes the pipes and reads them from now on.
func openPipes(config FirecrackerConfig, log *boundedLog) (*vmmPipes, error) {
	p := &vmmPipes{jail: jail{config.Jail}, meter: newMeter(config.MetricsFile)}
	logPipe, err := p.open(config.LogPipe)
	if err != nil {
		return nil, err
	}
	metrics, err := p.open(config.MetricsPipe)
	if err != nil {
		p.close()
		return nil, err
	}
	p.running.Go(func() { log.fill(logPipe) })
	p.running.Go(func() { p.meter.keep(metrics) })
	return p, nil
}

// open makes a named pipe and opens it both ways: a pipe without a reader, or without a writer, would hinder the other.
func (p *vmmPipes) open(name string) (*os.File, error) {
	path := p.jail.ours(name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return nil, &fs.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	if err := p.jail.give(path); err != nil {
		return nil, err
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	file := os.NewFile(uintptr(fd), path)
	p.files = append(p.files, file)
	return file, nil
}

func (p *vmmPipes) close() {
	for _, file := range p.files {
		file.Close()
		os.Remove(file.Name())
	}
	p.running.Wait()
}
