package serialline

import (
	"sync"
	"time"
)

// probeAfter is how long a doubt may last before the guest is asked, and asked again.
const probeAfter = time.Second

// prober asks the guest whether everything has arrived, because a last record that is lost leaves no gap to see. It is
// silent unless there is a doubt: bytes were sent, or garbage came.
type prober struct {
	ask func(mark uint32)

	mu       sync.Mutex
	timer    *time.Timer
	mark     uint32 // of the newest doubt
	doubtful bool
	stopped  bool
}

func newProber(ask func(mark uint32)) *prober {
	p := &prober{ask: ask}
	p.timer = time.AfterFunc(probeAfter, p.fire)
	p.timer.Stop()
	return p
}

// doubt notes that something may be lost from now on.
func (p *prober) doubt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mark++
	if !p.doubtful && !p.stopped {
		p.doubtful = true
		p.timer.Reset(probeAfter)
	}
}

func (p *prober) fire() {
	p.mu.Lock()
	mark, wanted := p.mark, p.doubtful && !p.stopped
	p.mu.Unlock()
	if !wanted {
		return
	}
	p.ask(mark)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.doubtful && !p.stopped {
		p.timer.Reset(probeAfter)
	}
}

// answered ends the doubt if none has come since the probe with this mark.
func (p *prober) answered(mark uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if mark == p.mark && p.doubtful {
		p.doubtful = false
		p.timer.Stop()
	}
}

func (p *prober) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.timer.Stop()
}
