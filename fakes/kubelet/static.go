package kubelet

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

const (
	mirrorAnnotation = "kubernetes.io/config.mirror"
	hashAnnotation   = "kubernetes.io/config.hash"
	sourceAnnotation = "kubernetes.io/config.source"
)

// mirrorOf is how a static pod shows in the API: named after its node, owned by it, and on it.
func mirrorOf(n *corev1.Node, static *corev1.Pod) *corev1.Pod {
	p := static.DeepCopy()
	p.Name += "-" + n.Name
	if p.Annotations == nil {
		p.Annotations = map[string]string{}
	}
	hash := manifestHash(static, n.Name)
	p.Annotations[mirrorAnnotation], p.Annotations[hashAnnotation], p.Annotations[sourceAnnotation] = hash, hash, "file"
	p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: n.Name, UID: n.UID,
		Controller: ptr.To(true)}}
	p.Spec.NodeName = n.Name
	p.Spec.Tolerations = append(p.Spec.Tolerations, corev1.Toleration{Operator: corev1.TolerationOpExists,
		Effect: corev1.TaintEffectNoExecute})
	return p
}

// manifestHash names a manifest on a node. A kubelet uses MD5 as well: it is a name and protects nothing.
func manifestHash(static *corev1.Pod, node string) string {
	b, err := json.Marshal(static)
	if err != nil {
		panic(err) // a Pod always marshals
	}
	sum := md5.Sum(append(b, node...))
	return hex.EncodeToString(sum[:])
}

func isMirror(p *corev1.Pod) bool { _, ok := p.Annotations[mirrorAnnotation]; return ok }
