// Package vmmemory reads the memory of a guest out of its VMM's process. The guest's memory is a private mapping of a
// file: pages the guest has changed are the process's own, all others are the file's, and so a copy of the guest's
// memory is a copy of the file with the process's own pages written over it.
package vmmemory

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

const pageSize = 4096

// Mapping is where a file is mapped in a process.
type Mapping struct {
	Pid   int
	Start uint64
	Size  uint64
}

// FindMapping finds the mapping of file in a process. The file is told by device and inode, its name may be gone.
func FindMapping(pid int, file *os.File) (Mapping, error) {
	info, err := file.Stat()
	if err != nil {
		return Mapping{}, err
	}
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return Mapping{}, err
	}
	defer maps.Close()
	found, err := parseMaps(maps, info.Sys().(*syscall.Stat_t).Ino)
	if err != nil {
		return Mapping{}, fmt.Errorf("find the guest's memory in process %d: %w", pid, err)
	}
	found.Pid = pid
	if found.Size != uint64(info.Size()) {
		return Mapping{}, fmt.Errorf("process %d maps %d bytes of a file of %d", pid, found.Size, info.Size())
	}
	return found, nil
}

// parseMaps adds up the adjacent mappings of one inode; the kernel may have cut them.
func parseMaps(maps io.Reader, inode uint64) (Mapping, error) {
	var found Mapping
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 || fields[4] != strconv.FormatUint(inode, 10) {
			continue
		}
		from, to, _ := strings.Cut(fields[0], "-")
		start, startErr := strconv.ParseUint(from, 16, 64)
		end, endErr := strconv.ParseUint(to, 16, 64)
		if err := errors.Join(startErr, endErr); err != nil {
			return Mapping{}, err
		}
		if found.Size == 0 {
			found.Start = start
		}
		if start != found.Start+found.Size {
			return Mapping{}, errors.New("it is mapped in pieces")
		}
		found.Size += end - start
	}
	if found.Size == 0 {
		return Mapping{}, errors.New("it is not mapped")
	}
	return found, nil
}

// Bits of an entry of /proc/<pid>/pagemap, from the kernel's Documentation/admin-guide/mm/pagemap.rst.
const (
	pagePresent = 1 << 63
	pageSwapped = 1 << 62
	pageOfFile  = 1 << 61
)

// owned tells whether a page is the process's own and not its file's.
func owned(entry uint64) bool {
	return entry&pageSwapped != 0 || entry&pagePresent != 0 && entry&pageOfFile == 0
}

// run is a range of pages.
type run struct{ first, count uint64 }

// ownedRuns lists the process's own pages of a mapping. At most runLimit pages are in one run.
func ownedRuns(pagemap io.Reader, pages uint64) ([]run, error) {
	var runs []run
	buffer := make([]byte, 64<<10)
	for page := uint64(0); page < pages; {
		n := min(uint64(len(buffer)), (pages-page)*8)
		if _, err := io.ReadFull(pagemap, buffer[:n]); err != nil {
			return nil, fmt.Errorf("read the page map: %w", err)
		}
		for at := uint64(0); at < n; at += 8 {
			if owned(binary.NativeEndian.Uint64(buffer[at:])) {
				runs = extend(runs, page)
			}
			page++
		}
	}
	return runs, nil
}

const runLimit = 256

func extend(runs []run, page uint64) []run {
	if last := len(runs) - 1; last >= 0 && runs[last].first+runs[last].count == page && runs[last].count < runLimit {
		runs[last].count++
		return runs
	}
	return append(runs, run{page, 1})
}
