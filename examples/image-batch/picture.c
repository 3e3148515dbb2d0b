/* Pictures by way of libgd. */
#include "picture.h"

#include <errno.h>
#include <gd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { JPEG_QUALITY = 85, PNG_LEVEL = 6 };

struct picture {
    gdImagePtr image;
};

static bool cut_off;

/* A broken file is an ordinary result here, which the caller reports by name: the library is not to print about it too.
 * But it says nowhere else that a JPEG ended too early: it pads such a one with grey and calls it read. */
__attribute__((format(printf, 2, 0))) static void on_gd_message(int priority, const char *format, va_list args)
{
    char text[256];

    (void)priority;
    vsnprintf(text, sizeof text, format, args);
    if (strstr(text, "Premature end"))
        cut_off = true;
}

static gdImagePtr read_jpeg(FILE *from)
{
    gdImagePtr image;

    cut_off = false;
    image = gdImageCreateFromJpegEx(from, 0);
    if (image && cut_off) {
        gdImageDestroy(image);
        image = NULL;
    }
    return image;
}

static void write_jpeg(gdImagePtr image, FILE *to)
{
    gdImageJpeg(image, to, JPEG_QUALITY);
}

static void write_png(gdImagePtr image, FILE *to)
{
    gdImageSaveAlpha(image, 1);
    gdImagePngEx(image, to, PNG_LEVEL);
}

static const struct format {
    const char *ending;
    gdImagePtr (*read)(FILE *);
    void (*write)(gdImagePtr, FILE *);
} formats[] = {
    {".jpg", read_jpeg, write_jpeg},
    {".jpeg", read_jpeg, write_jpeg},
    {".png", gdImageCreateFromPng, write_png},
};

static const struct format *find_format(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        size_t ending = strlen(formats[i].ending);
        if (len > ending && strcasecmp(name + len - ending, formats[i].ending) == 0)
            return &formats[i];
    }
    return NULL;
}

bool picture_supported(const char *name)
{
    return find_format(name) != NULL;
}

static struct picture *wrap(gdImagePtr image)
{
    struct picture *p = image ? malloc(sizeof *p) : NULL;

    if (p)
        p->image = image;
    else if (image)
        gdImageDestroy(image);
    return p;
}

int picture_read(FILE *from, const char *name, struct picture **ret)
{
    const struct format *format = find_format(name);
    gdImagePtr image;
    struct picture *p;

    if (!format)
        return -ENOTSUP;
    gdSetErrorMethod(on_gd_message);
    image = format->read(from);
    if (!image)
        return -EBADMSG;
    p = wrap(image);
    if (!p)
        return -ENOMEM;
    *ret = p;
    return 0;
}

int picture_fit_width(struct picture *p, int width)
{
    int from_width = gdImageSX(p->image), from_height = gdImageSY(p->image);
    int height = (int)((long long)from_height * width / from_width);
    gdImagePtr scaled;

    if (width >= from_width)
        return 0;
    if (height < 1)
        height = 1;
    scaled = gdImageCreateTrueColor(width, height);
    if (!scaled)
        return -ENOMEM;
    gdImageAlphaBlending(scaled, 0); /* a transparent corner stays transparent, instead of turning black */
    gdImageCopyResampled(scaled, p->image, 0, 0, 0, 0, width, height, from_width, from_height);
    gdImageDestroy(p->image);
    p->image = scaled;
    return 0;
}

int picture_write(const struct picture *p, FILE *to, const char *name)
{
    const struct format *format = find_format(name);

    if (!format)
        return -ENOTSUP;
    gdSetErrorMethod(on_gd_message);
    errno = 0;
    format->write(p->image, to);
    if (!ferror(to))
        return 0;
    return errno ? -errno : -EIO;
}

int picture_width(const struct picture *p)
{
    return gdImageSX(p->image);
}

int picture_height(const struct picture *p)
{
    return gdImageSY(p->image);
}

struct picture *picture_paint(int width, int height, int (*paint)(void *arg, int x, int y), void *arg)
{
    gdImagePtr image = gdImageCreateTrueColor(width, height);

    for (int y = 0; image && y < height; y++)
        for (int x = 0; x < width; x++)
            gdImageSetPixel(image, x, y, paint(arg, x, y));
    return wrap(image);
}

void picture_free(struct picture *p)
{
    if (!p)
        return;
    gdImageDestroy(p->image);
    free(p);
}
