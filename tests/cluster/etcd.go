package main

import (
	"flag"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// runEtcd is the process of etcd.
func runEtcd(arguments []string) error {
	flags := flag.NewFlagSet("etcd", flag.ContinueOnError)
	data := flags.String("data-dir", "", "where the data is")
	client := flags.String("client", "", "the URL for clients")
	peer := flags.String("peer", "", "the URL for other members, of which there are none")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	clients, err := url.Parse(*client)
	if err != nil {
		return err
	}
	peers, err := url.Parse(*peer)
	if err != nil {
		return err
	}

	config := embed.NewConfig()
	config.Dir = *data
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*clients}, []url.URL{*clients}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peers}, []url.URL{*peers}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.LogLevel = "warn"
	// Without it every request is one that took long.
	config.WarningUnaryRequestDuration = time.Second
	// Nothing in here has to live longer than the machine.
	config.UnsafeNoFsync = true

	server, err := embed.StartEtcd(config)
	if err != nil {
		return fmt.Errorf("etcd cannot start: %w", err)
	}
	return <-server.Err()
}
