package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
)

// image is what an OCI archive is made of: files in one layer, and what to run.
type image struct {
	name       string
	files      []imageFile
	entrypoint []string
	user       string
}

// imageFile is a file of this machine and where it is in the image.
type imageFile struct {
	source, destination string
}

// descriptor is how the parts of an image name each other.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// writeImage writes an archive such as `ctr images import` and `docker load` read.
func writeImage(archive string, image image) error {
	layer, err := image.layer()
	if err != nil {
		return err
	}
	file, err := os.Create(archive)
	if err != nil {
		return err
	}
	writer := tar.NewWriter(file)
	err = image.write(writer, layer)
	return errors.Join(err, writer.Close(), file.Close())
}

func (i image) write(writer *tar.Writer, layer []byte) error {
	blob := func(mediaType string, content []byte) (descriptor, error) {
		sum := sha256.Sum256(content)
		digest := hex.EncodeToString(sum[:])
		entry := descriptor{MediaType: mediaType, Digest: "sha256:" + digest, Size: len(content)}
		return entry, writeEntry(writer, "blobs/sha256/"+digest, 0o644, content)
	}
	document := func(mediaType string, value any) (descriptor, error) {
		content, err := json.Marshal(value)
		if err != nil {
			return descriptor{}, err
		}
		return blob(mediaType, content)
	}
	layerEntry, err := blob("application/vnd.oci.image.layer.v1.tar", layer)
	if err != nil {
		return err
	}
	config, err := document("application/vnd.oci.image.config.v1+json", map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       map[string]any{"Entrypoint": i.entrypoint, "User": i.user, "Env": []string{"PATH=/"}},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{layerEntry.Digest}},
	})
	if err != nil {
		return err
	}
	manifest, err := document("application/vnd.oci.image.manifest.v1+json", map[string]any{
		"schemaVersion": 2,
		"mediaType":     "application/vnd.oci.image.manifest.v1+json",
		"config":        config,
		"layers":        []descriptor{layerEntry},
	})
	if err != nil {
		return err
	}
	manifest.Annotations = map[string]string{"io.containerd.image.name": i.name}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []descriptor{manifest}})
	if err != nil {
		return err
	}
	return errors.Join(
		writeEntry(writer, "index.json", 0o644, index),
		writeEntry(writer, "oci-layout", 0o644, []byte(`{"imageLayoutVersion":"1.0.0"}`)))
}

// layer is the archive of the files, with the directories that they are in.
func (i image) layer() ([]byte, error) {
	var layer bytes.Buffer
	writer := tar.NewWriter(&layer)
	var made []string
	for _, one := range i.files {
		for _, directory := range parents(one.destination) {
			if slices.Contains(made, directory) {
				continue
			}
			made = append(made, directory)
			header := tar.Header{Typeflag: tar.TypeDir, Name: directory + "/", Mode: 0o755}
			if err := writer.WriteHeader(&header); err != nil {
				return nil, err
			}
		}
		content, err := os.ReadFile(one.source)
		if err != nil {
			return nil, err
		}
		status, err := os.Stat(one.source)
		if err != nil {
			return nil, err
		}
		// Readable by whatever user the pod runs as.
		mode := int64(status.Mode().Perm()) | 0o444
		if mode&0o100 != 0 {
			mode |= 0o111
		}
		if err := writeEntry(writer, strings.TrimPrefix(one.destination, "/"), mode, content); err != nil {
			return nil, err
		}
	}
	err := writer.Close()
	return layer.Bytes(), err
}

// parents are the directories above a path, the highest first.
func parents(destination string) []string {
	var all []string
	for directory := path.Dir(strings.TrimPrefix(destination, "/")); directory != "."; directory = path.Dir(directory) {
		all = append(all, directory)
	}
	slices.Reverse(all)
	return all
}

func writeEntry(writer *tar.Writer, name string, mode int64, content []byte) error {
	header := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}
	if err := writer.WriteHeader(&header); err != nil {
		return err
	}
	_, err := io.Copy(writer, bytes.NewReader(content))
	return err
}

// buildImage is the command that makes an image of files.
func buildImage(arguments []string) error {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	name := flags.String("name", "", "the image's name, with a host and a tag: localhost/app:1")
	out := flags.String("out", "", "the archive to write")
	user := flags.String("user", "", "whom it runs as, such as 65532:65532")
	entrypoint := slices.Index(arguments, "--")
	var command []string
	if entrypoint >= 0 {
		arguments, command = arguments[:entrypoint], arguments[entrypoint+1:]
	}
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	built := image{name: *name, entrypoint: command, user: *user}
	for _, argument := range flags.Args() {
		source, destination, found := strings.Cut(argument, ":")
		if !found || !strings.HasPrefix(destination, "/") {
			return fmt.Errorf("`%s` does not say which file goes where: write SOURCE:/DESTINATION", argument)
		}
		built.files = append(built.files, imageFile{source, destination})
	}
	if *name == "" || *out == "" || len(built.files) == 0 {
		return errors.New("say `cluster image --name localhost/app:1 --out app.tar ./app:/app -- /app serve`")
	}
	if len(built.entrypoint) == 0 {
		built.entrypoint = []string{built.files[0].destination}
	}
	return writeImage(*out, built)
}
