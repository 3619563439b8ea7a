package supervise

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Identity names this process beyond pid reuse and reboots.
type Identity struct {
	Pid       int    `json:"pid"`
	StartTime string `json:"startTime"` // field 22 of /proc/self/stat, clock ticks since boot
	BootID    string `json:"bootId"`
}

// ownIdentity reads who this process is.
func ownIdentity() (Identity, error) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return Identity{}, err
	}
	startTime, err := startTimeOf(string(stat))
	if err != nil {
		return Identity{}, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Identity{}, err
	}
	return Identity{Pid: os.Getpid(), StartTime: startTime, BootID: strings.TrimSpace(string(boot))}, nil
}

// startTimeOf is field 22 of a stat line. The second field is a name in parentheses that may contain anything.
func startTimeOf(stat string) (string, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	const startTimeAfterName = 22 - 3
	if len(fields) <= startTimeAfterName {
		return "", errors.New("/proc/self/stat is too short")
	}
	return fields[startTimeAfterName], nil
}

// Exit is how a VMM ended. Both ExitCode and Signal are null when it never started.
type Exit struct {
	ExitCode  *int      `json:"exitCode"`
	Signal    *string   `json:"signal"`
	Requested bool      `json:"requested"` // someone asked the supervisor to end it
	At        time.Time `json:"at"`
	Reason    string    `json:"reason"`
	// HostOOM is what the host's kernel said when it killed the VMM for want of memory
	HostOOM string `json:"hostOom,omitempty"`
}

// writeRecord replaces a JSON file so that a reader, and a crash, sees the old or the new one, never a part.
func writeRecord(path string, record any) error {
	if err := replaceFile(path, record); err != nil {
		return err
	}
	return syncDirectory(path)
}

// syncDirectory makes a file's name survive a power cut.
func syncDirectory(path string) error {
	directory, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer directory.Close()
	return directory.Sync()
}

// replaceFile does the same, but for a power cut, which may leave the old one.
func replaceFile(path string, record any) error {
	next := path + ".next"
	file, err := writeFile(next, record)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(next, path)
}

// signRecord replaces the file that names this process, and returns while it is on its way to the disk. A power cut
// ends what it names, and whoever reads a part of it takes it for none.
func signRecord(path string, record any) (pending, error) {
	next := path + ".next"
	file, err := writeFile(next, record)
	if err != nil {
		return pending{}, err
	}
	if err := os.Rename(next, path); err != nil {
		return pending{}, errors.Join(err, file.Close())
	}
	return begin(func() error { return errors.Join(file.Sync(), file.Close(), syncDirectory(path)) }), nil
}

// writeFile writes a new JSON file, not yet to the disk.
func writeFile(path string, record any) (*os.File, error) {
	body, err := json.Marshal(record)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := file.Write(append(body, '\n')); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
