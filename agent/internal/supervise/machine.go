package supervise

// machine is what a VMM runs, as control works on it. Both kinds of VMM serve one request at a time, and so does control.
type machine interface {
	// pause stops the processors; a paused one stays paused.
	pause() error
	// resume lets it go on; warning tells what is worse than before.
	resume() (warning string, err error)
	// status is statusRunning or statusPaused, or what else the VMM calls it.
	status() (string, error)
	// begin does what of a save can be done while the guest runs.
	begin(saveRequest) (saving, error)
	// measure tells what was counted on the host so far; nil where nothing is.
	measure() (*measures, error)
	// reclaim takes so much of the guest's memory for the host, in MiB, until told otherwise.
	reclaim(mib int64) error
	close()
}

// measures are what a VMM has counted, in its own words.
type measures struct {
	Counted any          `json:"counted"`
	Balloon *balloonSize `json:"balloon,omitempty"`
}

// balloonSize is how much of its memory a guest is to do without, and does without now.
type balloonSize struct {
	TargetMiB int64 `json:"targetMib"`
	ActualMiB int64 `json:"actualMib"`
}

// saving is a save that has begun.
type saving interface {
	// finish writes what must be of one moment; the machine is paused. It returns how many bytes of memory were written.
	finish() (int64, error)
	// settle does what can wait until the machine goes on.
	settle() error
	close()
}

// What both kinds of VMM say of a machine, in QEMU's words.
const (
	statusRunning = "running"
	statusPaused  = "paused"
)
