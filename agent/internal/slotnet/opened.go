package slotnet

import (
	"net/netip"
	"sync"
	"time"

	"github.com/google/nftables"
)

// rememberedMax bounds the answers that are kept for when the policy changes.
const rememberedMax = 4096

// opened are the addresses the guest was told, and may connect to for as long as their names' answers are good.
type opened struct {
	mu      sync.Mutex
	netns   int // descriptor
	table   *nftables.Table
	answers map[openedKey]time.Time // until when
}

type openedKey struct {
	name    string
	address netip.Addr
}

func newOpened(netns int, table string) *opened {
	return &opened{
		netns: netns, answers: map[openedKey]time.Time{},
		table: &nftables.Table{Name: table, Family: nftables.TableFamilyINet},
	}
}

// open lets the guest connect to addresses by a rule, from before it knows them.
func (o *opened) open(rule NameRule, name string, addresses []netip.Addr, lasting time.Duration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	until := time.Now().Add(lasting)
	for _, address := range addresses {
		o.remember(openedKey{name, address}, until)
	}
	if rule.Set == "" || len(addresses) == 0 {
		return nil
	}
	return o.add(rule.Set, addresses, lasting)
}

func (o *opened) remember(key openedKey, until time.Time) {
	if len(o.answers) >= rememberedMax {
		now := time.Now()
		for old, end := range o.answers {
			if end.Before(now) {
				delete(o.answers, old)
			}
		}
	}
	if len(o.answers) < rememberedMax {
		o.answers[key] = until
	}
}

// reopen lets the guest connect by new rules to what it was told before.
func (o *opened) reopen(policy NamePolicy) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	for key, until := range o.answers {
		rule := policy.decide(key.name)
		left := until.Sub(now)
		if left <= 0 {
			delete(o.answers, key)
			continue
		}
		if rule.Verdict != allow || rule.Set == "" {
			continue
		}
		if err := o.add(rule.Set, []netip.Addr{key.address}, left); err != nil {
			return err
		}
	}
	return nil
}

// add puts addresses into a rule's sets. One that is there already gets the new time: it is added, taken out and added
// again, as one.
func (o *opened) add(set string, addresses []netip.Addr, lasting time.Duration) error {
	conn, err := nftables.New(nftables.WithNetNSFd(o.netns))
	if err != nil {
		return err
	}
	for _, address := range addresses {
		in := &nftables.Set{Table: o.table, Name: set + "4", KeyType: nftables.TypeIPAddr, HasTimeout: true}
		if address.Is6() {
			in = &nftables.Set{Table: o.table, Name: set + "6", KeyType: nftables.TypeIP6Addr, HasTimeout: true}
		}
		element := []nftables.SetElement{{Key: address.AsSlice(), Timeout: lasting.Round(time.Millisecond)}}
		if err := conn.SetAddElements(in, element); err != nil {
			return err
		}
		if err := conn.SetDeleteElements(in, element); err != nil {
			return err
		}
		if err := conn.SetAddElements(in, element); err != nil {
			return err
		}
	}
	return conn.Flush()
}
