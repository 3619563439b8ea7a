package supervise

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"bandsox.dev/agent/internal/fcapi"
	"bandsox.dev/agent/internal/vmmemory"
)

const (
	// quickLimit bounds a request that touches no disk.
	quickLimit = 10 * time.Second
	// saveLimit bounds the writing of a machine; whoever asked for it waits 120 s.
	saveLimit = 100 * time.Second
	// meterLimit bounds the wait for a line of metrics that Firecracker says it has written.
	meterLimit = time.Second
)

// firecracker is a machine of Firecracker's. Whoever started it has had its API socket until the guest answered; from
// then on it is ours alone.
type firecracker struct {
	api     *fcapi.Client
	guest   *vsockGuest
	meter   *meter
	jail    jail
	tracks  bool
	deafens bool
	// The guest will hear that its connections are gone when it goes on
	resets bool
	// What Firecracker's record of changed pages is relative to; nil: not known, so the next save writes all of them
	base *os.File
}

func openFirecracker(config Config, guest *vsockGuest, meter *meter) (*firecracker, error) {
	f := &firecracker{api: fcapi.New(config.Firecracker.APISocket), guest: guest, meter: meter, jail: jail{config.Firecracker.Jail},
		tracks: config.Firecracker.Tracks, deafens: config.Firecracker.DeafensVsock}
	if !f.tracks {
		return f, nil
	}
	var err error
	f.base, err = os.Open(config.MemoryFile)
	return f, err
}

func (f *firecracker) pause() error { return f.setState("Paused") }

// resume also makes sure that the guest is reached again: after a pause vsock may be dead, and one that looks alive
// tells nothing about new connections. A guest that runs is left alone: some versions deafen it, as on a pause.
func (f *firecracker) resume() (string, error) {
	status, err := f.status()
	if err != nil || status == statusRunning {
		return "", err
	}
	route := f.guest.relay.vsock
	if !route.isAlive() {
		return "", f.setState("Resumed")
	}
	if f.deafens && !f.resets {
		if err := f.resetVsock(); err != nil {
			return "", err
		}
	}
	cut := func() {}
	if f.resets {
		cut = route.conns.forsake()
	}
	defer cut()
	if err := f.setState("Resumed"); err != nil {
		return "", err
	}
	f.resets = false
	return f.guest.prove(), nil
}

// resetVsock has the guest hear that its connections are gone. Versions that let it hear nothing more after a pause until
// it has heard that tell it only where a machine is saved; so one is saved to where nothing can be.
func (f *firecracker) resetVsock() error {
	const nowhere = "/dev/null/none"
	body := map[string]string{"snapshot_type": "Full", "snapshot_path": nowhere, "mem_file_path": nowhere}
	err := f.api.Do(http.MethodPut, "/snapshot/create", body, nil, saveLimit)
	if fault := new(fcapi.Fault); err != nil && !errors.As(err, &fault) {
		return err
	}
	f.resets = true
	return nil
}

func (f *firecracker) setState(state string) error {
	return f.api.Do(http.MethodPatch, "/vm", map[string]string{"state": state}, nil, quickLimit)
}

func (f *firecracker) status() (string, error) {
	var info struct{ State string }
	if err := f.api.Do(http.MethodGet, "/", nil, &info, quickLimit); err != nil {
		return "", err
	}
	switch info.State {
	case "Running":
		return statusRunning, nil
	case "Paused":
		return statusPaused, nil
	}
	return info.State, nil
}

// measure has Firecracker write what it has counted since it last did, which it does each minute by itself.
func (f *firecracker) measure() (*measures, error) {
	flush := map[string]string{"action_type": "FlushMetrics"}
	counted, err := f.meter.after(func() error {
		return f.api.Do(http.MethodPut, "/actions", flush, nil, quickLimit)
	}, meterLimit)
	if err != nil {
		return nil, err
	}
	var balloon struct {
		Target int64 `json:"target_mib"`
		Actual int64 `json:"actual_mib"`
	}
	err = f.api.Do(http.MethodGet, "/balloon/statistics", nil, &balloon, quickLimit)
	if fault := new(fcapi.Fault); errors.As(err, &fault) {
		return &measures{Counted: counted}, nil // a machine that was saved without one has none
	}
	return &measures{counted, &balloonSize{balloon.Target, balloon.Actual}}, err
}

func (f *firecracker) reclaim(mib int64) error {
	return f.api.Do(http.MethodPatch, "/balloon", map[string]int64{"amount_mib": mib}, nil, quickLimit)
}

func (f *firecracker) close() {
	f.api.Close()
	f.keep(nil)
}

// keep remembers what the record of changed pages is relative to.
func (f *firecracker) keep(base *os.File) {
	if f.base != nil {
		f.base.Close()
	}
	f.base = base
}

// Names of what a jailed Firecracker writes of a save.
const (
	savedMemory = "saved.memory"
	savedState  = "saved.state"
)

// firecrackerSaving has copied what the memory differs from, if that is known.
type firecrackerSaving struct {
	*firecracker
	request       saveRequest
	memory, state outbox
	file          *os.File // of the memory
	diff          bool
}

func (f *firecracker) begin(request saveRequest) (saving, error) {
	if err := request.validate(); err != nil {
		return nil, err
	}
	memory, err := f.jail.outboxFor(savedMemory, request.Memory)
	if err != nil {
		return nil, err
	}
	state, err := f.jail.outboxFor(savedState, request.State)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(memory.ours, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	s := &firecrackerSaving{f, request, memory, state, file, f.base != nil}
	if s.diff {
		err = vmmemory.CopySparse(file, f.base)
	}
	if err := errors.Join(err, f.jail.give(memory.ours)); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return s, nil
}

// finish has Firecracker write the changed pages over the copy, or all of them where it does not know which. A save
// that fails may have lost the record of them.
func (s *firecrackerSaving) finish() (int64, error) {
	kind := "Full"
	if s.diff {
		kind = "Diff"
	}
	body := map[string]string{"snapshot_type": kind, "snapshot_path": s.state.theirs, "mem_file_path": s.memory.theirs}
	s.keep(nil)
	s.resets = true
	if err := s.api.Do(http.MethodPut, "/snapshot/create", body, nil, saveLimit); err != nil {
		return 0, err
	}
	if err := errors.Join(s.memory.take(), s.state.take()); err != nil {
		return 0, err
	}
	if s.tracks {
		base, err := os.Open(s.request.Memory)
		if err != nil {
			return 0, err
		}
		s.keep(base)
	}
	info, err := s.file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), s.request.copyLayer()
}

// settle frees the blocks of zeros that a save of everything has written.
func (s *firecrackerSaving) settle() error {
	if s.diff {
		return nil
	}
	if err := vmmemory.PunchZeros(s.file); err != nil {
		return fmt.Errorf("free the zeros of the saved memory: %w", err)
	}
	return nil
}

func (s *firecrackerSaving) close() { s.file.Close() }
