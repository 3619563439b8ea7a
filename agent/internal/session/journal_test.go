package session

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// model is a journal that forgets nothing.
type model struct {
	all   [2][]byte
	order []byte // the stream of every byte, in the order they came
}

func TestAJournalTellsWhatCameInOrder(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		limit := int64(4096 + random.IntN(100_000))
		j, m := newJournal(limit), model{}
		var at Offsets
		steps := 1 + random.IntN(200)
		for range steps {
			data := make([]byte, 1+random.IntN(1<<random.IntN(17)))
			for i := range data {
				data[i] = byte(random.Uint32())
			}
			which := random.IntN(2)
			j.add(which, data)
			m.all[which] = append(m.all[which], data...)
			m.order = append(m.order, bytes.Repeat([]byte{byte(which)}, len(data))...)
			checkKept(t, j, &m, limit)
			if random.IntN(3) == 0 {
				at = follow(t, j, &m, at, 1+random.IntN(3))
			}
		}
		j.close()
		at = follow(t, j, &m, at, 1<<30)
		if at != (Offsets{int64(len(m.all[0])), int64(len(m.all[1]))}) {
			t.Fatalf("seed %d: ended at %v of %d, %d", seed, at, len(m.all[0]), len(m.all[1]))
		}
		if _, found, more, _ := j.next(at); found || more {
			t.Fatalf("seed %d: more comes after the end", seed)
		}
	}
}

func checkKept(t *testing.T, j *journal, m *model, limit int64) {
	t.Helper()
	for i, kept := range j.kept() {
		size := int64(len(m.all[i]))
		if kept.To != size || kept.To-kept.From < min(limit, size) || kept.To-kept.From > limit+pieceSize || kept.From < 0 {
			t.Fatalf("keeps %+v of %d with a limit of %d", kept, size, limit)
		}
	}
}

// follow is a viewer that takes at most some entries.
func follow(t *testing.T, j *journal, m *model, at Offsets, entries int) Offsets {
	t.Helper()
	for range entries {
		e, found, _, _ := j.next(at)
		if !found {
			break
		}
		if e.from != at[e.stream] || e.to <= e.from {
			t.Fatalf("at %v it tells %d to %d", at, e.from, e.to)
		}
		if e.data == nil {
			if kept := j.kept()[e.stream]; e.to != kept.From {
				t.Fatalf("a gap to %d, but %+v is kept", e.to, kept)
			}
		} else if !bytes.Equal(e.data, m.all[e.stream][e.from:e.to]) {
			t.Fatal("other bytes than came")
		}
		at[e.stream] = e.to
	}
	return at
}

func TestTheOrderOfTheStreamsIsKept(t *testing.T) {
	j := newJournal(1 << 20)
	want := ""
	for i := range 500 {
		which := i * i % 3 % 2
		j.add(which, []byte{byte('a' + i%26)})
		want += string(rune('0'+which)) + string(rune('a'+i%26))
	}
	got, at := "", Offsets{}
	for {
		e, found, _, _ := j.next(at)
		if !found {
			break
		}
		for _, b := range e.data {
			got += string(rune('0'+e.stream)) + string(rune(b))
		}
		at[e.stream] = e.to
	}
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestManySmallPiecesCostLittle(t *testing.T) {
	j := newJournal(64 << 10)
	for i := range 200_000 {
		j.add(i%2, []byte{byte(i)})
	}
	for i, s := range j.streams {
		if len(s.pieces) > 4096 || s.size < 64<<10 {
			t.Errorf("stream %d: %d bytes in %d pieces", i, s.size, len(s.pieces))
		}
	}
}
