package supervise

import (
	"errors"
	"os"
)

// pending is work that goes on while other things begin.
type pending struct{ done <-chan error }

func begin(work func() error) pending {
	done := make(chan error, 1)
	go func() { done <- work() }()
	return pending{done}
}

var errStopped = errors.New("it was ended before its VMM could start")

// wait returns when the work is done. Who ends the supervisor does not wait for it: the work ends with the process.
func (p pending) wait(stop <-chan os.Signal) error {
	select {
	case err := <-p.done:
		return err
	case <-stop:
		return errStopped
	}
}
