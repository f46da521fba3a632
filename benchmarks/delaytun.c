// A link with delay and loss between two network namespaces, in user space, for kernels without netem.
//
// delaytun NS_A IF_A NS_B IF_B DELAY_MS LOSS_PCT SECONDS
//
// Creates a tun interface in each namespace (by its name under /var/run/netns) and forwards IP packets from one to
// the other, DELAY_MS later. Exits after SECONDS, which removes the interfaces. Needs root and /dev/net/tun.

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define WAITING 131072  // packets in flight in one direction; more are dropped
#define BURST 256       // packets to read before the other direction is served

typedef struct {
    double due;
    int length;
    unsigned char *bytes;
} Packet;

typedef struct {
    Packet packets[WAITING];
    unsigned first, next;
} Queue;

static Queue queues[2];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int open_tun(const char *namespace, const char *name) {
    char path[256];
    struct ifreq request = {0};
    snprintf(path, sizeof path, "/var/run/netns/%s", namespace);
    int there = open(path, O_RDONLY);
    if (there < 0 || setns(there, CLONE_NEWNET)) fail(path);
    close(there);
    int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    if (tun < 0) fail("/dev/net/tun");
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
    if (ioctl(tun, TUNSETIFF, &request)) fail(name);
    return tun;
}

// Deliver the packets that are due; return the time at which the next one will be, or `until`.
static double deliver(Queue *queue, int to, double until) {
    while (queue->first != queue->next) {
        Packet *packet = &queue->packets[queue->first % WAITING];
        if (packet->due > now()) return packet->due < until ? packet->due : until;
        if (write(to, packet->bytes, packet->length) < 0) {
            // the interface is down, or its queue is full: the packet is lost
        }
        free(packet->bytes);
        queue->first++;
    }
    return until;
}

static void accept_packets(Queue *queue, int from, double delay, double loss) {
    static unsigned char buffer[65536];
    for (int n = 0; n < BURST; n++) {
        int length = read(from, buffer, sizeof buffer);
        if (length <= 0) return;
        if (drand48() < loss || queue->next - queue->first >= WAITING) continue;
        Packet *packet = &queue->packets[queue->next % WAITING];
        packet->bytes = malloc(length);
        if (!packet->bytes) continue;
        memcpy(packet->bytes, buffer, length);
        packet->length = length;
        packet->due = now() + delay;
        queue->next++;
    }
}

int main(int count, char **words) {
    if (count != 8) {
        fprintf(stderr, "usage: delaytun NS_A IF_A NS_B IF_B DELAY_MS LOSS_PCT SECONDS\n");
        return 2;
    }
    int ends[2] = {open_tun(words[1], words[2]), -1};
    ends[1] = open_tun(words[3], words[4]);
    double delay = atof(words[5]) / 1e3, loss = atof(words[6]) / 100, stop = now() + atof(words[7]);
    struct pollfd polled[2] = {{ends[0], POLLIN, 0}, {ends[1], POLLIN, 0}};
    while (now() < stop) {
        double wake = now() + 1;
        for (int side = 0; side < 2; side++) wake = deliver(&queues[side], ends[1 - side], wake);
        double wait = wake - now();
        if (wait < 0) wait = 0;
        struct timespec pause = {(time_t)wait, (long)((wait - (time_t)wait) * 1e9)};
        if (ppoll(polled, 2, &pause, NULL) <= 0) continue;
        for (int side = 0; side < 2; side++)
            if (polled[side].revents & POLLIN) accept_packets(&queues[side], ends[side], delay, loss);
    }
    return 0;
}
