package reap

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// sessionMembers lists the processes of a session; its leader must not have been collected.
func sessionMembers(leader int) []int {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return nil
	}
	var members []int
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if session, err := unix.Getsid(pid); err == nil && session == leader {
			members = append(members, pid)
		}
	}
	return members
}
