/* make-pictures: a folder of pictures to try image-batch on.
 *
 *     make-pictures FOLDER [COUNT [WIDTH HEIGHT]]
 *
 * Each is a view of a Julia set of its own, with the detail and the file size of a photograph; the same number gives
 * the same picture everywhere. Pictures that are there already stay; each appears whole. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"
#include "picture.h"

enum { COUNT = 48, WIDTH = 1600, HEIGHT = 1200, ITERATIONS = 24, TONES = 16, COUNT_MAX = 10000, SIDE_MAX = 10000 };

struct view {
    double c_re, c_im, step;
    int width, height;
    int palette[(ITERATIONS + 1) * TONES];
};

static int shade(double level, int tint)
{
    int red = (int)(127.5 * (1 + sin(level * 5 + tint))), green = (int)(127.5 * (1 + sin(level * 7 + tint * 2)));
    int blue = (int)(127.5 * (1 + sin(level * 11 + tint * 3)));

    return red << 16 | green << 8 | blue;
}

static void look_at(struct view *v, int number, int width, int height)
{
    *v = (struct view){.c_re = 0.7885 * cos(number * 0.41),
                       .c_im = 0.7885 * sin(number * 0.41),
                       .step = 3.2 / width,
                       .width = width,
                       .height = height};
    for (int i = 0; i < (int)(sizeof v->palette / sizeof *v->palette); i++)
        v->palette[i] = shade((double)i / TONES / ITERATIONS, number);
}

static int on_pixel(void *arg, int x, int y)
{
    const struct view *v = arg;
    double re = (x - v->width / 2.0) * v->step, im = (y - v->height / 2.0) * v->step;
    int i = 0;

    for (; i < ITERATIONS && re * re + im * im < 16; i++) {
        double next = re * re - im * im + v->c_re;
        im = 2 * re * im + v->c_im;
        re = next;
    }
    return v->palette[i * TONES + (int)fabs(im * 3) % TONES];
}

static int paint(int dir, const char *name, int number, int width, int height)
{
    struct view view;
    struct picture *picture;
    struct output *output = NULL;
    int64_t bytes;
    int rc;

    look_at(&view, number, width, height);
    picture = picture_paint(width, height, on_pixel, &view);
    rc = picture ? output_new(dir, name, &output) : -ENOMEM;
    if (rc == 0)
        rc = picture_write(picture, output_stream(output), name);
    if (rc == 0)
        rc = output_seal(output, &bytes);
    if (rc == 0)
        rc = output_publish(output);
    output_free(output);
    picture_free(picture);
    return rc;
}

static int paint_all(int dir, int count, int width, int height)
{
    for (int i = 1; i <= count; i++) {
        char name[32];
        int rc;

        snprintf(name, sizeof name, "view_%04d.jpg", i);
        rc = faccessat(dir, name, F_OK, 0) == 0 ? 0 : paint(dir, name, i, width, height);
        if (rc < 0) {
            fprintf(stderr, "make-pictures: %s: %s\n", name, strerror(-rc));
            return rc;
        }
    }
    return 0;
}

static int number(const char *text, int max)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (end == text || *end || value < 1 || value > max) {
        fprintf(stderr, "make-pictures: \"%s\" is not a number from 1 to %d\n", text, max);
        exit(2);
    }
    return (int)value;
}

int main(int argc, char **argv)
{
    int dir, rc;

    if (argc != 2 && argc != 3 && argc != 5) {
        fputs("usage: make-pictures FOLDER [COUNT [WIDTH HEIGHT]]\n", stderr);
        return 2;
    }
    if (mkdir(argv[1], 0777) != 0 && errno != EEXIST)
        return perror(argv[1]), EXIT_FAILURE;
    dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return perror(argv[1]), EXIT_FAILURE;
    rc = paint_all(dir, argc > 2 ? number(argv[2], COUNT_MAX) : COUNT, argc > 3 ? number(argv[3], SIDE_MAX) : WIDTH,
                   argc > 3 ? number(argv[4], SIDE_MAX) : HEIGHT);
    close(dir);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
