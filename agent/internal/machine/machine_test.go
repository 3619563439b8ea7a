package machine

import "testing"

func TestABareMachineIsSettledOnceItsKernelIsPrepared(t *testing.T) {
	prepared := false
	m := New(func() { prepared = true }, nil)
	if err := m.Settle(); err != nil || !prepared {
		t.Fatalf("Settle() = %v, prepared: %v", err, prepared)
	}
}
