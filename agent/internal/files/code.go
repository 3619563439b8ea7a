package files

import (
	"errors"

	"bandsox.dev/agent/internal/fileerr"
)

// code is the code of an error of this package, empty for none.
func code(err error) fileerr.Code {
	var known *fileerr.Error
	if errors.As(err, &known) {
		return known.Code
	}
	return ""
}
