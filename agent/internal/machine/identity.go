package machine

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// clockTolerance is the error of the guest's clock that is left alone.
const clockTolerance = 50 * time.Millisecond

// addEntropy credits bytes of the host to the kernel's pool and makes the generator use them at once: machines restored
// from one snapshot must not share random numbers.
func addEntropy(entropy []byte) error {
	if len(entropy) == 0 {
		return nil
	}
	fd, err := unix.Open("/dev/urandom", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("add entropy: %w", err)
	}
	defer unix.Close(fd)
	// struct rand_pool_info: entropy_count (bits), buf_size (bytes), buf.
	info := make([]uint32, 2+(len(entropy)+3)/4)
	info[0], info[1] = uint32(len(entropy)*8), uint32(len(entropy))
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&info[2])), (len(info)-2)*4), entropy)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.RNDADDENTROPY, uintptr(unsafe.Pointer(&info[0])))
	if errno != 0 {
		return fmt.Errorf("add entropy: %w", errno)
	}
	if err := unix.IoctlSetInt(fd, unix.RNDRESEEDCRNG, 0); err != nil {
		return fmt.Errorf("reseed the random generator: %w", err)
	}
	return nil
}

// setClock sets the wall clock to epochMs, which was right at the moment received.
func setClock(epochMs int64, received time.Time) error {
	wanted := time.UnixMilli(epochMs).Add(time.Since(received))
	if time.Until(wanted).Abs() <= clockTolerance {
		return nil
	}
	value := unix.NsecToTimeval(wanted.UnixNano())
	if err := unix.Settimeofday(&value); err != nil {
		return fmt.Errorf("set the clock: %w", err)
	}
	return nil
}

// ShiftClock moves the wall clock and returns what it says then. A shift is right however long the request for it took,
// which a time is not. The kernel adds it in one step: who reads the clock first and sets it then, loses what passes
// in between, on a busy host a second.
func ShiftClock(by time.Duration) (time.Time, error) {
	if by != 0 {
		if _, err := unix.Adjtimex(shiftOf(by)); err != nil {
			return time.Time{}, fmt.Errorf("set the clock: %w", err)
		}
	}
	return time.Now(), nil
}

// shiftOf is a shift as the kernel takes it: whole seconds, and nanoseconds that are never negative.
func shiftOf(by time.Duration) *unix.Timex {
	seconds, rest := by/time.Second, by%time.Second
	if rest < 0 {
		seconds, rest = seconds-1, rest+time.Second
	}
	return &unix.Timex{
		Modes: unix.ADJ_SETOFFSET | unix.ADJ_NANO,
		Time:  unix.Timeval{Sec: int64(seconds), Usec: int64(rest)},
	}
}

// setHostname names the kernel and the files programs look into, where the name it had before goes. Files the image has
// planted something else for are left alone and reported.
func setHostname(name, before string, log Log) error {
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	if err := writePlain("/etc/hostname", name+"\n"); err != nil {
		log.Printf("not written: %v", err)
	}
	present, err := readPlain("/etc/hosts")
	if err != nil {
		log.Printf("not written: %v", err)
		return nil
	}
	if hosts := renamedHosts(present, name, before); hosts != present {
		if err := writePlain("/etc/hosts", hosts); err != nil {
			log.Printf("not written: %v", err)
		}
	}
	return nil
}

// renamedHosts is a hosts file without the line that was added for the name before, and with what is missing for name.
func renamedHosts(hosts, name, before string) string {
	if before != "" && before != name {
		hosts = strings.Replace(hosts, hostLine(before), "", 1)
	}
	return hosts + missingHosts(hosts, name)
}

func hostLine(name string) string { return "127.0.1.1\t" + name + "\n" }

// missingHosts is what has to be appended to a hosts file so that localhost and hostname resolve.
func missingHosts(hosts, hostname string) string {
	names := map[string]bool{}
	for _, line := range strings.Split(hosts, "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		for i, name := range fields {
			names[name] = names[name] || i > 0
		}
	}
	var missing strings.Builder
	if hosts != "" && !strings.HasSuffix(hosts, "\n") {
		missing.WriteByte('\n')
	}
	if !names["localhost"] {
		missing.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	}
	if !names[hostname] {
		missing.WriteString(hostLine(hostname))
	}
	if strings.TrimSpace(missing.String()) == "" {
		return ""
	}
	return missing.String()
}

// hostsLimit bounds how much of an image's hosts file is kept, in bytes.
const hostsLimit = 1 << 20

// readPlain reads a regular file of the image; a missing one is empty.
func readPlain(path string) (string, error) {
	file, err := openPlain(path, os.O_RDONLY)
	if os.IsNotExist(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if info.Size() > hostsLimit {
		return "", fmt.Errorf("%s: larger than %d bytes", path, hostsLimit)
	}
	content, err := os.ReadFile(path)
	return string(content), err
}

// writePlain makes content all there is in a regular file. It is written over what is there: ext4 writes a file that was
// cut to nothing to the disk as soon as it is closed, and a clone that is to run a command waits for that.
func writePlain(path, content string) error {
	file, err := openPlain(path, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if _, err := file.WriteString(content); err != nil {
		return err
	}
	if info.Size() <= int64(len(content)) {
		return nil
	}
	return file.Truncate(int64(len(content)))
}

// openPlain opens a regular file without following a symbolic link at its end and without waiting on a planted pipe.
func openPlain(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o644)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, fmt.Errorf("%s: the image has something there that is not a regular file", path)
	}
	return file, nil
}
