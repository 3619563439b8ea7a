package source

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"math"
	"path"
	"strings"
)

const (
	maxArchiveMembers = 1 << 16
	maxLinkHops       = 10
)

// tarIndex finds the members of a plain tar without reading it again.
type tarIndex struct {
	content io.ReaderAt
	members map[string]tarMember
}

type tarMember struct {
	offset, size int64
	link         string // the member this one stands for, "" for a file
}

// indexTar reads the headers of a tar. A later member of the same name wins.
func indexTar(ctx context.Context, content io.ReaderAt) (*tarIndex, error) {
	index := &tarIndex{content: content, members: map[string]tarMember{}}
	seeker := io.NewSectionReader(content, 0, math.MaxInt64)
	reader := tar.NewReader(seeker)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return index, nil
		}
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		offset, err := seeker.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		if len(index.members) >= maxArchiveMembers {
			return nil, fmt.Errorf("it has more than %d members", maxArchiveMembers)
		}
		index.add(header, offset)
	}
}

func (t *tarIndex) add(header *tar.Header, offset int64) {
	name := path.Clean(header.Name)
	switch header.Typeflag {
	case tar.TypeReg:
		t.members[name] = tarMember{offset: offset, size: header.Size}
	case tar.TypeLink:
		t.members[name] = tarMember{link: path.Clean(header.Linkname)}
	case tar.TypeSymlink:
		t.members[name] = tarMember{link: path.Join(path.Dir(name), header.Linkname)}
	}
}

// find returns a file's content, following links inside the archive.
func (t *tarIndex) find(name string) (*io.SectionReader, bool) {
	name = path.Clean(strings.TrimPrefix(name, "/"))
	for range maxLinkHops {
		member, ok := t.members[name]
		if !ok {
			return nil, false
		}
		if member.link == "" {
			return io.NewSectionReader(t.content, member.offset, member.size), true
		}
		name = member.link
	}
	return nil, false
}
