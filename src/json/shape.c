/*
 * shape.c
 *		Paths into an object, prepared for reading many objects.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "json/json.h"

/*
 * A name in a path.  The names below it stand in the order in which the
 * object read last had them.
 */
typedef struct ShapeNode
{
	const char *name;
	int			value;			/* which value ends here; -1: none */
	int			nkeys;
	struct ShapeNode **keys;
} ShapeNode;

struct CphShape
{
	ShapeNode	root;
	int			npaths;
	int		   *first;			/* for each path, the first one equal to it */
};

/* Returns the node of a name below a node, made if there is none yet. */
static ShapeNode *
add_key(ShapeNode *node, const char *name, Size length)
{
	ShapeNode  *key;

	for (int i = 0; i < node->nkeys; i++)
	{
		key = node->keys[i];
		if (strlen(key->name) == length && memcmp(key->name, name, length) == 0)
			return key;
	}

	key = palloc0(sizeof(ShapeNode));
	key->name = pnstrdup(name, length);
	key->value = -1;
	if (node->keys == NULL)
		node->keys = palloc(sizeof(ShapeNode *));
	else
		node->keys = repalloc(node->keys,
							  sizeof(ShapeNode *) * (node->nkeys + 1));
	node->keys[node->nkeys++] = key;
	return key;
}

/* Returns the node of a path below a node, made where there is none yet. */
static ShapeNode *
add_path(ShapeNode *node, const char *path)
{
	const char *dot;

	while ((dot = strchr(path, '.')) != NULL)
	{
		node = add_key(node, path, dot - path);
		path = dot + 1;
	}
	return add_key(node, path, strlen(path));
}

/*
 * Prepares paths for cph_json_read.  The shape lives in the current memory
 * context and keeps nothing of its arguments.
 */
CphShape *
cph_json_shape(const char *const *paths, int npaths)
{
	CphShape   *shape = palloc0(sizeof(CphShape));

	shape->root.value = -1;
	shape->npaths = npaths;
	shape->first = palloc(sizeof(int) * Max(npaths, 1));
	for (int i = 0; i < npaths; i++)
	{
		ShapeNode  *node = &shape->root;

		if (strcmp(paths[i], "$") != 0)
			node = add_path(node, paths[i]);
		if (node->value < 0)
			node->value = i;
		shape->first[i] = node->value;
	}
	return shape;
}

/*
 * Returns the key of a name below a node, or NULL, given that nfound keys have
 * been found in this object.  These stand first, in the order of the object, and
 * the new one behind them: for the next object, if it is like this one, each
 * is the first that is looked at.
 */
static ShapeNode *
find_key(ShapeNode *node, int nfound, const char *name)
{
	for (int i = nfound; i < node->nkeys; i++)
	{
		ShapeNode  *key = node->keys[i];

		if (strcmp(key->name, name) != 0)
			continue;
		memmove(&node->keys[nfound + 1], &node->keys[nfound],
				sizeof(ShapeNode *) * (i - nfound));
		node->keys[nfound] = key;
		return key;
	}
	return NULL;
}

/*
 * Reads the values at and below a node.  A value that is not there stays as
 * it is.
 */
static void
read_node(ShapeNode *node, const CphJsonValue *object, CphJsonValue *values)
{
	int			nfields = object->kind == CPH_JSON_OBJECT ? object->length : 0;
	int			nfound = 0;

	if (node->value >= 0)
		values[node->value] = *object;
	for (int i = 0; i < nfields && nfound < node->nkeys; i++)
	{
		const CphJsonField *field = &object->fields[i];
		ShapeNode  *key = find_key(node, nfound, field->name);

		if (key != NULL)
		{
			read_node(key, &field->value, values);
			nfound++;
		}
	}
}

/*
 * Reads the values at a shape's paths from an object, one for each path; what
 * they point to is the object's.  The shape adapts to the order of the
 * object's fields, so it serves one reader at a time.
 */
void
cph_json_read(CphShape *shape, const CphJsonValue *object,
			  CphJsonValue *values)
{
	memset(values, 0, sizeof(CphJsonValue) * shape->npaths);
	read_node(&shape->root, object, values);
	for (int i = 0; i < shape->npaths; i++)
	{
		if (shape->first[i] != i)
			values[i] = values[shape->first[i]];
	}
}

/*
 * Returns the string at a path of an object, which is the object's; NULL if
 * there is none, or it is empty, or holds a zero byte.
 */
const char *
cph_json_text_at(const CphJsonValue *object, const char *path)
{
	CphJsonValue value;

	cph_json_read(cph_json_shape(&path, 1), object, &value);
	return value.kind == CPH_JSON_STRING && value.length > 0 &&
		strlen(value.string) == value.length ? value.string : NULL;
}
