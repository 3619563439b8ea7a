package tree

import (
	"strings"

	"golang.org/x/sys/unix"
)

// xattrRecord is in front of an extended attribute's name in a PAX record.
const xattrRecord = "SCHILY.xattr."

// xattrLimit is the kernel's bound for the names of all extended attributes of a file and for a value, in bytes.
const xattrLimit = 64 << 10

// carried says which attributes belong to a file and not to the file system it is on. A record's name has no `=` in it.
func carried(name string) bool {
	return strings.HasPrefix(name, "user.") && !strings.Contains(name, "=") || name == "security.capability"
}

// readXattrs returns the attributes of an open file as PAX records. Hardly any file has some: then it is one system
// call.
func readXattrs(fd int) (map[string]string, error) {
	n, err := unix.Flistxattr(fd, nil)
	if err == unix.EOPNOTSUPP || err == nil && n == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names := make([]byte, xattrLimit)
	if n, err = unix.Flistxattr(fd, names); err != nil {
		return nil, err
	}
	records := map[string]string{}
	for name := range strings.SplitSeq(strings.TrimRight(string(names[:n]), "\x00"), "\x00") {
		if !carried(name) {
			continue
		}
		value := make([]byte, xattrLimit)
		size, err := unix.Fgetxattr(fd, name, value)
		if err == unix.ENODATA {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		records[xattrRecord+name] = string(value[:size])
	}
	return records, nil
}

// writeXattrs gives an open file the attributes of an entry. Where attributes cannot be had they are left out.
func writeXattrs(fd int, records map[string]string, capabilities bool) error {
	for key, value := range records {
		name, is := strings.CutPrefix(key, xattrRecord)
		if !is || !carried(name) || name == "security.capability" && !capabilities {
			continue
		}
		if err := unix.Fsetxattr(fd, name, []byte(value), 0); err != nil && err != unix.EOPNOTSUPP {
			return err
		}
	}
	return nil
}
