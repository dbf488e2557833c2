package dsl

import (
	"errors"
	"slices"

	"go.starlark.net/starlark"
)

// tagsOf reads the tags of a repository; one that the registry does not have has none.
func tagsOf(c *call, repository string) ([]string, error) {
	s := c.recv.(part).scope
	if err := s.open(); err != nil {
		return nil, err
	}
	r := s.site.Registry()
	if r == nil {
		return nil, refused(errors.New("this site has no image registry"))
	}
	all, err := r.Tags(s.ctx, repository)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, refused(err)
	}
	return all, nil
}

func hasTag(c *call) (starlark.Value, error) {
	var repository, tag string
	if err := c.unpack(&repository, &tag); err != nil {
		return nil, err
	}
	all, err := tagsOf(c, repository)
	return starlark.Bool(slices.Contains(all, tag)), err
}

func tags(c *call) (starlark.Value, error) {
	var repository string
	if err := c.unpack(&repository); err != nil {
		return nil, err
	}
	all, err := tagsOf(c, repository)
	elems := make([]starlark.Value, len(all))
	for i, tag := range all {
		elems[i] = starlark.String(tag)
	}
	return starlark.NewList(elems), err
}
