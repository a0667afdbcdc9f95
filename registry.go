package cqrs

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Registry says which handlers an event goes to. It is filled at start-up with
// [Register] and [RegisterFunc]; [New] closes it.
type Registry struct {
	book *routeBook
	mw   []Middleware
}

// Route is what can be seen of a registration.
type Route struct {
	Name  string       // stable: log lines, metrics and idempotency keys carry it
	Event reflect.Type // the type that the handler takes
	Table string       // the command table of a data sync, whose records bypass the factory
	// Policy is that of [RoutePolicy]: nil where Config.Policy applies. It must not be
	// changed.
	Policy *Policy
}

// routeBook is what a registry and its groups share.
type routeBook struct {
	mu     sync.Mutex
	routes []*route
	names  map[string]bool
	closed bool
}

// route is one handler with its type erased, before its chain is composed.
type route struct {
	name   string
	table  string // of a data sync, whose records bypass the factory
	event  reflect.Type
	mw     []Middleware // the registry's and its groups'
	own    []Middleware // this route's alone
	policy *Policy
	keyBy  *keyFunc
	adapt  func(Event) Event // a T into a *T, where the handler takes the pointer
	handle Next
}

// NewRegistry returns an empty registry. The middleware wraps every route; the
// first is the outermost.
func NewRegistry(mw ...Middleware) *Registry {
	return (&Registry{book: &routeBook{names: map[string]bool{}}}).With(mw...)
}

// With returns a group: the same registry, but routes that are registered
// through it get mw too, inside of what they get already.
func (r *Registry) With(mw ...Middleware) *Registry {
	checkMiddleware("Registry.With", mw)
	return &Registry{book: r.book, mw: append(slices.Clip(r.mw), mw...)}
}

// Routes lists what is registered, in the order of registration.
func (r *Registry) Routes() []Route {
	r.book.mu.Lock()
	defer r.book.mu.Unlock()
	routes := make([]Route, len(r.book.routes))
	for i, route := range r.book.routes {
		routes[i] = Route{Name: route.name, Event: route.event, Table: route.table, Policy: route.policy}
	}
	return routes
}

// RegisterOption changes one registration.
type RegisterOption func(*route)

// With wraps this route only, inside of everything else.
func With(mw ...Middleware) RegisterOption {
	checkMiddleware("With", mw)
	return func(r *route) { r.own = append(r.own, mw...) }
}

// RoutePolicy takes the place of Config.Policy on this route.
func RoutePolicy(p Policy) RegisterOption {
	p.check()
	return func(r *route) { r.policy = &p }
}

// RouteName gives the route a stable name of its own. The default is
// "<package>.<Type>"; a second handler of the same type needs a name.
func RouteName(name string) RegisterOption {
	if strings.TrimSpace(name) == "" {
		panic("cqrs: RouteName needs a name")
	}
	return func(r *route) { r.name = name }
}

// KeyBy takes the idempotency key of an event from its content. [New] refuses
// a key function whose type is not the route's.
func KeyBy[T any](f func(event T) string) RegisterOption {
	if f == nil {
		panic("cqrs: KeyBy needs a function, not nil")
	}
	convert := converter[T]()
	key := &keyFunc{event: reflect.TypeFor[T](), of: func(e Event) (string, bool) {
		event, ok := convert(e)
		if !ok {
			return "", false
		}
		return f(event), true
	}}
	return func(r *route) { r.keyBy = key }
}

type keyFunc struct {
	event reflect.Type
	of    func(Event) (string, bool)
}

// Register adds a handler for the events of type T, and of *T (or the type
// that T points to) alike. All handlers of a type run, in the order of their
// registration, although one fails. It panics on misuse: a nil handler, an
// interface as T, a name that is taken, a registry that [New] has closed.
func Register[T any](r *Registry, h Handler[T], opts ...RegisterOption) {
	if r == nil {
		panic("cqrs: Register needs a registry; make one with NewRegistry")
	}
	event := reflect.TypeFor[T]()
	if h == nil || isNilFunc(h) {
		panic(fmt.Sprintf("cqrs: Register[%s] needs a handler, not nil", event))
	}
	checkEventType(event)
	convert := converter[T]()
	added := &route{
		name:  routeName(event),
		event: event,
		mw:    r.mw,
		handle: func(ctx context.Context, d *Delivery) (any, error) {
			event, ok := convert(d.Event)
			if !ok {
				return nil, fmt.Errorf("cqrs: route %s takes %s, but a middleware passed on %T",
					d.Route, reflect.TypeFor[T](), d.Event)
			}
			return h.Handle(ctx, event)
		},
	}
	if event.Kind() == reflect.Pointer {
		added.adapt = func(e Event) Event {
			if pointer, ok := convert(e); ok {
				return pointer
			}
			return e
		}
	}
	for _, opt := range opts {
		if opt == nil {
			panic(fmt.Sprintf("cqrs: Register[%s] got a nil option", event))
		}
		opt(added)
	}
	r.book.add(added)
}

// RegisterFunc is [Register] for a function without a result.
func RegisterFunc[T any](r *Registry, f func(ctx context.Context, event T) error, opts ...RegisterOption) {
	if f == nil {
		panic(fmt.Sprintf("cqrs: RegisterFunc[%s] needs a function, not nil", reflect.TypeFor[T]()))
	}
	Register(r, HandlerFunc[T](func(ctx context.Context, event T) (any, error) {
		return nil, f(ctx, event)
	}), opts...)
}

func (b *routeBook) add(r *route) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		panic(fmt.Sprintf("cqrs: %s is registered after New: register every handler before", r.name))
	}
	if b.names[r.name] {
		panic(fmt.Sprintf("cqrs: two routes are named %q: give one of them another name with RouteName", r.name))
	}
	b.names[r.name] = true
	b.routes = append(b.routes, r)
}

// close ends registration and returns the routes.
func (b *routeBook) close() []*route {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return b.routes
}

// converter returns the function that makes a T of an event that is a T, a
// pointer to one, or what T points to. It reports false for any other event,
// and for a nil pointer.
func converter[T any]() func(Event) (T, bool) {
	event := reflect.TypeFor[T]()
	if event.Kind() != reflect.Pointer {
		return func(e Event) (T, bool) {
			switch e := e.(type) {
			case T:
				return e, true
			case *T: //nolint:gocritic // T is no interface, so it does not take this case
				if e != nil {
					return *e, true
				}
			}
			var none T
			return none, false
		}
	}
	return func(e Event) (T, bool) {
		if e, ok := e.(T); ok {
			return e, !reflect.ValueOf(e).IsNil()
		}
		var none T
		value := reflect.ValueOf(e)
		if !value.IsValid() || value.Type() != event.Elem() {
			return none, false
		}
		pointer := reflect.New(event.Elem())
		pointer.Elem().Set(value)
		return pointer.Interface().(T), true //nolint:forcetypeassert // a *Elem is a T
	}
}

// baseType is the type under which the events T and *T are looked up.
func baseType(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// checkEventType panics for a type that no event can have, and for one that
// would be asked in vain for its key, token, tenant or correlation id.
func checkEventType(t reflect.Type) {
	base := baseType(t)
	switch base.Kind() {
	case reflect.Interface:
		panic(fmt.Sprintf("cqrs: Register[%s]: an event's type is what selects its handlers, so it cannot be an interface", t))
	case reflect.Pointer:
		panic(fmt.Sprintf("cqrs: Register[%s]: a pointer to a pointer is no event; register %s", t, base))
	}
	if t.Kind() == reflect.Pointer {
		return
	}
	// The names are spelled out: where a program asks reflect for a method, the
	// linker keeps all methods of all types.
	for _, optional := range []struct {
		event  reflect.Type
		method string
	}{
		{reflect.TypeFor[keyedEvent](), "EventKey"},
		{reflect.TypeFor[tokenEvent](), "EventToken"},
		{reflect.TypeFor[tenantEvent](), "EventTenant"},
		{reflect.TypeFor[correlatedEvent](), "EventCorrelation"},
	} {
		if reflect.PointerTo(t).Implements(optional.event) && !t.Implements(optional.event) {
			panic(fmt.Sprintf("cqrs: Register[%s]: only *%s has the method %s: give it a value receiver, or register *%s",
				t, t, optional.method, t))
		}
	}
}

// routeName is the default name of a route: the package's last element and the
// type's name, also inside the brackets of a generic type.
func routeName(t reflect.Type) string {
	full := baseType(t).String()
	var name strings.Builder
	start := 0
	for i := range len(full) {
		switch full[i] {
		case '/':
			start = i + 1
		case '[', ']', ',', ' ', '*', '{', '}', ';':
			name.WriteString(full[start : i+1])
			start = i + 1
		}
	}
	name.WriteString(full[start:])
	return name.String()
}

func isNilFunc(h any) bool {
	v := reflect.ValueOf(h)
	return v.Kind() == reflect.Func && v.IsNil()
}

func checkMiddleware(where string, mw []Middleware) {
	for i, m := range mw {
		if m == nil {
			panic(fmt.Sprintf("cqrs: %s got a nil middleware, number %d", where, i+1))
		}
	}
}
