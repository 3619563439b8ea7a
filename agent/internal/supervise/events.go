package supervise

import (
	"encoding/json"
	"errors"
	"io"
	"sync"
	"syscall"

	"bandsox.dev/agent/internal/slotnet"
)

// events writes one JSON object per line for whoever started the supervisor. Nobody has to be reading; there are too
// few of them to fill a pipe.
type events struct {
	mu  sync.Mutex
	out io.Writer
}

type startedEvent struct {
	Type   string `json:"type"` // "started"
	VMMPid int    `json:"vmmPid"`
	// StartMs is how long the VMM took from its start until it took requests; 0 where that is nobody's to know
	StartMs float64 `json:"startMs"`
}

// layerMadeEvent tells that what follows takes as long as a guest takes, whatever its disk holds.
type layerMadeEvent struct {
	Type string `json:"type"` // "layer-made"
}

type agentReadyEvent struct {
	Type         string `json:"type"` // "agent-ready"
	SinceStartMs int64  `json:"sinceStartMs"`
}

type exitedEvent struct {
	Type string `json:"type"` // "exited"
	Exit
}

type failedEvent struct {
	Type    string `json:"type"` // "failed"
	Message string `json:"message"`
	// TakenPort is the address of this machine, if that was the reason
	TakenPort string `json:"takenPort,omitempty"`
	// Stage is what failed: `layer`, or "" for anything of the VMM
	Stage string `json:"stage,omitempty"`
	// NoSpace tells that the disk was full
	NoSpace bool `json:"noSpace,omitempty"`
}

func failed(err error) failedEvent {
	noSpace := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
	event := failedEvent{Type: "failed", Message: err.Error(), NoSpace: noSpace}
	if layer := new(layerError); errors.As(err, &layer) {
		event.Stage = "layer"
	}
	var port *slotnet.PortError
	if errors.As(err, &port) {
		event.TakenPort = port.Address.String()
	}
	return event
}

func (e *events) emit(event any) {
	line, err := json.Marshal(event)
	if err != nil {
		panic(err) // our own types
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.out.Write(append(line, '\n'))
}
