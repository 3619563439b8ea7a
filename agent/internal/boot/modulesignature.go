package boot

import (
	"bytes"
	"encoding/binary"
)

// signatureMagic ends a signed module file. Before it stands what the kernel calls struct module_signature: twelve bytes, the
// last four the length of the signature before that, big endian (include/linux/module_signature.h).
var signatureMagic = []byte("~Module signature appended~\n")

const signatureInfoSize = 12

// withoutSignature is the module itself: all of the file that is not its signature. To check that takes half of the time of
// loading a module where the processor is emulated, and proves nothing to a guest whose kernel and modules are from the same
// host. The kernel says so once in its log, and counts itself as tainted (`E`).
func withoutSignature(file []byte) []byte {
	signed, ok := bytes.CutSuffix(file, signatureMagic)
	if !ok || len(signed) < signatureInfoSize {
		return file
	}
	length := uint64(binary.BigEndian.Uint32(signed[len(signed)-4:]))
	module := signed[:len(signed)-signatureInfoSize]
	if length > uint64(len(module)) {
		return file
	}
	return module[:uint64(len(module))-length]
}
