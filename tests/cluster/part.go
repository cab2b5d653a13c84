package main

import (
	"fmt"
	"sync"
)

// part is a process of the cluster, with how it is started.
type part struct {
	start func() (*process, error)
	// awaited says in words what `ready` asks.
	awaited string
	ready   func() bool
	process *process
}

// parts are all that run. One that ends unasked fails the cluster.
type parts struct {
	mutex   sync.Mutex
	running map[string]*part
	closed  bool
	failed  chan error
}

func newParts() *parts {
	return &parts{running: map[string]*part{}, failed: make(chan error, 16)}
}

// add starts a part and waits until it is ready.
func (p *parts) add(name string, added *part) error {
	p.mutex.Lock()
	p.running[name] = added
	p.mutex.Unlock()
	return p.start(name)
}

// start starts a part that does not run and waits until it is ready.
func (p *parts) start(name string) error {
	process, one, err := p.launch(name)
	if err != nil || one.ready == nil {
		return err
	}
	return process.waitFor(one.awaited, one.ready)
}

func (p *parts) launch(name string) (*process, *part, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.closed {
		return nil, nil, fmt.Errorf("the cluster is ending")
	}
	one, found := p.running[name]
	if !found {
		return nil, nil, fmt.Errorf("this cluster has no part `%s`", name)
	}
	if one.process != nil {
		return nil, nil, fmt.Errorf("%s is running already", name)
	}
	process, err := one.start()
	if err != nil {
		return nil, nil, err
	}
	one.process = process
	go p.watch(process)
	return process, one, nil
}

// watch reports a process that ends though nobody asked it to.
func (p *parts) watch(process *process) {
	<-process.ended
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if !process.wanted && !p.closed {
		p.failed <- process.failure()
	}
}

// stop ends a part and leaves the rest alone.
func (p *parts) stop(name string) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	one, found := p.running[name]
	if !found {
		return fmt.Errorf("this cluster has no part `%s`", name)
	}
	if one.process == nil {
		return fmt.Errorf("%s is stopped already", name)
	}
	one.process.wanted = true
	one.process.kill()
	one.process = nil
	return nil
}

func (p *parts) restart(name string) error {
	if err := p.stop(name); err != nil {
		return err
	}
	return p.start(name)
}

// close ends all parts; none can be started after.
func (p *parts) close() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.closed = true
	for _, one := range p.running {
		if one.process != nil {
			one.process.kill()
		}
	}
}
