// A peer of the exporter for `lab bench exporter`, written as such exporters usually are: confluent-kafka-go hands over one message
// at a time, encoding/json decodes it into a map, a mutex guards the series, and client_golang renders them.
//
// It has the names that the benchmark asks for: /ready says 200 once every partition has caught up, and
// exporter_restore_duration_seconds how long that took from the assignment. /metrics?name[]=… answers with these alone.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/model"
)

// Metric is one entry of a message.
type Metric struct {
	Type        string
	Name        string
	Description string
	Value       float64
}

type series struct {
	desc  *prometheus.Desc
	help  string
	kind  prometheus.ValueType
	value float64
}

// Store holds the last value of every series.
type Store struct {
	mutex  sync.Mutex
	series map[string]*series
}

// Apply takes a message in. A new description replaces the old one.
func (s *Store) Apply(payload []byte) error {
	var message map[string]Metric
	if err := json.Unmarshal(payload, &message); err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, metric := range message {
		known, ok := s.series[metric.Name]
		if !ok || known.help != metric.Description {
			kind := prometheus.GaugeValue
			if metric.Type == "counter" {
				kind = prometheus.CounterValue
			}
			name := model.EscapeName(metric.Name, model.UnderscoreEscaping)
			known = &series{
				desc: prometheus.NewDesc(name, metric.Description, nil, nil),
				help: metric.Description,
				kind: kind,
			}
			s.series[metric.Name] = known
		}
		known.value = metric.Value
	}
	return nil
}

// Describe says nothing: series come and go.
func (s *Store) Describe(chan<- *prometheus.Desc) {}

// Collect hands every series to the registry.
func (s *Store) Collect(metrics chan<- prometheus.Metric) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, one := range s.series {
		metrics <- prometheus.MustNewConstMetric(one.desc, one.kind, one.value)
	}
}

type settings []string

func (s *settings) String() string { return strings.Join(*s, " ") }

func (s *settings) Set(text string) error {
	*s = append(*s, text)
	return nil
}

func main() {
	bootstrap := flag.String("bootstrap-servers", "localhost:9092", "brokers")
	topic := flag.String("topic", "metrics", "the topic")
	group := flag.String("group", "go-exporter", "the consumer group")
	listen := flag.String("listen", "127.0.0.1:9187", "address of /metrics and /ready")
	var extra settings
	flag.Var(&extra, "X", "a setting of librdkafka, name=value; repeatable")
	flag.Parse()
	if err := run(*bootstrap, *topic, *group, *listen, extra); err != nil {
		log.Fatal(err)
	}
}

func run(bootstrap, topic, group, listen string, extra settings) error {
	config := kafka.ConfigMap{
		"bootstrap.servers":    bootstrap,
		"group.id":             group,
		"auto.offset.reset":    "earliest",
		"enable.partition.eof": true,
	}
	for _, text := range extra {
		name, value, found := strings.Cut(text, "=")
		if !found {
			return fmt.Errorf("%q is not name=value", text)
		}
		config[name] = value
	}
	consumer, err := kafka.NewConsumer(&config)
	if err != nil {
		return err
	}
	defer consumer.Close()

	store := &Store{series: map[string]*series{}}
	took := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "exporter_restore_duration_seconds",
		Help: "From the assignment until all partitions had caught up",
	})
	taken := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "exporter_messages_total",
		Help: "Messages that were taken in",
	})
	own := prometheus.NewRegistry()
	own.MustRegister(took, taken)
	registry := prometheus.NewRegistry()
	registry.MustRegister(store, took, taken, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var ready atomic.Bool
	everything := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	aboutItself := promhttp.HandlerFor(own, promhttp.HandlerOpts{})
	http.HandleFunc("/metrics", func(answer http.ResponseWriter, request *http.Request) {
		if request.URL.Query().Has("name[]") {
			aboutItself.ServeHTTP(answer, request)
		} else {
			everything.ServeHTTP(answer, request)
		}
	})
	http.HandleFunc("/ready", func(answer http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			answer.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	failed := make(chan error, 1)
	go func() { failed <- http.ListenAndServe(listen, nil) }()

	var assigned time.Time
	ends := map[int32]bool{}
	rebalanced := func(consumer *kafka.Consumer, event kafka.Event) error {
		switch event := event.(type) {
		case kafka.AssignedPartitions:
			assigned = time.Now()
			for _, partition := range event.Partitions {
				ends[partition.Partition] = false
			}
			return consumer.Assign(event.Partitions)
		default:
			return consumer.Unassign()
		}
	}
	if err := consumer.SubscribeTopics([]string{topic}, rebalanced); err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	for {
		select {
		case <-stop:
			return nil
		case err := <-failed:
			return err
		default:
		}
		switch event := consumer.Poll(100).(type) {
		case *kafka.Message:
			if err := store.Apply(event.Value); err != nil {
				log.Printf("%v: %v", event.TopicPartition, err)
			}
			taken.Inc()
		case kafka.PartitionEOF:
			ends[event.Partition] = true
			if !ready.Load() && all(ends) {
				took.Set(time.Since(assigned).Seconds())
				ready.Store(true)
			}
		case kafka.Error:
			log.Print(event)
		}
	}
}

func all(ends map[int32]bool) bool {
	for _, end := range ends {
		if !end {
			return false
		}
	}
	return len(ends) > 0
}
