package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// authority signs every certificate of a cluster. Its key is never written.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// leaf is a certificate with its key, both in PEM.
type leaf struct {
	certificate, key []byte
}

func newAuthority() (*authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := certificateTemplate(pkix.Name{CommonName: "test cluster"})
	template.IsCA = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(encoded)
	if err != nil {
		return nil, err
	}
	return &authority{certificate: certificate, key: key}, nil
}

func (a *authority) pem() []byte {
	return encodePEM("CERTIFICATE", a.certificate.Raw)
}

// client is a certificate by which Kubernetes knows a user: the common name is the user's name, the
// organisations are the groups.
func (a *authority) client(user string, groups ...string) (leaf, error) {
	template := certificateTemplate(pkix.Name{CommonName: user, Organization: groups})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.sign(template)
}

func (a *authority) server(names []string, addresses []string) (leaf, error) {
	template := certificateTemplate(pkix.Name{CommonName: names[0]})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = names
	for _, address := range addresses {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(address))
	}
	return a.sign(template)
}

func (a *authority) sign(template *x509.Certificate) (leaf, error) {
	key, err := newKey()
	if err != nil {
		return leaf{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	encoded, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return leaf{}, err
	}
	private, err := encodeKey(key)
	return leaf{certificate: encodePEM("CERTIFICATE", encoded), key: private}, err
}

func certificateTemplate(subject pkix.Name) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		// Clocks that a test puts back or forth by a day are still served.
		NotBefore:             time.Now().Add(-48 * time.Hour),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		BasicConstraintsValid: true,
	}
}

func newKey() (crypto.Signer, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func encodeKey(key any) ([]byte, error) {
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	return encodePEM("PRIVATE KEY", encoded), err
}

func encodePEM(kind string, bytes []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes})
}

// signingKey is the key that signs the tokens of service accounts, as private and public PEM: the
// one in `file`, or a new RSA one, which is what Kubernetes is set up with everywhere.
func signingKey(file string) (private, public []byte, err error) {
	var key any
	if file == "" {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = readKey(file)
	}
	if err != nil {
		return nil, nil, err
	}
	signer, usable := key.(crypto.Signer)
	if !usable {
		return nil, nil, fmt.Errorf("the key in `%s` cannot sign: give a PEM file with an RSA or ECDSA private key", file)
	}
	encoded, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return nil, nil, err
	}
	private, err = encodeKey(key)
	return private, encodePEM("PUBLIC KEY", encoded), err
}

func readKey(file string) (any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the signing key cannot be read: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("`%s` holds no PEM: give a file with an RSA or ECDSA private key", file)
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("`%s` holds no private key that can be used: %w", file, err)
	}
	return key, nil
}
