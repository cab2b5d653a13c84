package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// openLock opens a file to be locked. Children do not inherit it unless they are given it.
func openLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}

// tryLock takes a lock, if nobody has it.
func tryLock(file *os.File) bool {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// dying is how long processes that were killed may take to go.
const dying = time.Minute

// waitLock takes the lock of a cluster whose processes are all about to go.
func waitLock(file *os.File) error {
	for started := time.Now(); !tryLock(file); {
		if time.Since(started) > dying {
			return fmt.Errorf("processes of a cluster that was killed still run after %v: `fuser %s` names them", dying, file.Name())
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}
