"""Names, departments, subjects and remarks for generated data."""

#: Department -> (prefix of its course codes, its subjects).
DEPARTMENTS = {
    "Productions végétales": (
        "AGV",
        ("Agrostologie", "Phytotechnie", "Amélioration des plantes", "Malherbologie", "Physiologie végétale"),
    ),
    "Productions animales": (
        "ZOO",
        ("Zootechnie générale", "Alimentation du bétail", "Génétique animale", "Aviculture", "Éthologie"),
    ),
    "Sciences du sol": (
        "SOL",
        ("Pédologie", "Fertilité des sols", "Cartographie des sols", "Microbiologie du sol", "Érosion"),
    ),
    "Économie rurale": (
        "ECR",
        ("Économie de la production", "Gestion de l’exploitation", "Politiques agricoles", "Marchés et filières"),
    ),
    "Génie rural": (
        "GER",
        ("Hydraulique agricole", "Machinisme", "Topographie", "Irrigation et drainage", "Bâtiments d’élevage"),
    ),
    "Eaux et forêts": (
        "FOR",
        ("Sylviculture", "Dendrométrie", "Aménagement forestier", "Faune sauvage", "Pêche et pisciculture"),
    ),
    "Agroalimentaire": (
        "IAA",
        ("Technologie laitière", "Œnologie", "Microbiologie alimentaire", "Qualité et traçabilité"),
    ),
    "Mathématiques et informatique": (
        "MIA",
        ("Statistique", "Biométrie", "Bases de données", "Programmation", "Systèmes d’information géographique"),
    ),
}

#: Added to a subject that comes again.
ADJUNCTS = ("", " : approfondissement", " : travaux de terrain", " : méthodes", " : projet", " (séminaire)")

FIRST_NAMES = (
    "Aïcha", "Amadou", "Anne-Laure", "Benoît", "Bérénice", "Cécile", "Chloé", "Dieudonné", "Élodie", "Fatou",
    "François", "Gaëlle", "Hélène", "Ibrahima", "Inès", "Jean-Baptiste", "Joël", "Kadiatou", "Loïc", "Maëlys",
    "Mamadou", "Marie-Ève", "Noémie", "Odile", "Ousmane", "Pénélope", "Raphaël", "Rokhaya", "Sébastien", "Solène",
    "Thérèse", "Valérie", "Yacine", "Zoé",
)  # fmt: skip

#: Those of women: their grades are written otherwise.
FEMININE = frozenset((
    "Aïcha", "Anne-Laure", "Bérénice", "Cécile", "Chloé", "Élodie", "Fatou", "Gaëlle", "Hélène", "Inès", "Kadiatou",
    "Maëlys", "Marie-Ève", "Noémie", "Odile", "Pénélope", "Rokhaya", "Solène", "Thérèse", "Valérie", "Zoé",
))  # fmt: skip

LAST_NAMES = (
    "Aubry", "Ba", "Beauséjour", "Bélanger", "Bocquet", "Camara", "Chrétien", "Coulibaly", "Daguerre", "Delaunay",
    "Diallo", "Diop", "d’Ormesson", "Dupré", "Faÿ", "Fofana", "Gauthier", "Guérin", "Hébert", "Keïta", "L’Hôpital",
    "Lefèvre", "Le Goff", "Mendès", "N’Diaye", "Noël", "Ouédraogo", "Péron", "Quéméner", "Rémond", "Sow", "Tessier",
    "Traoré", "Vauquelin", "Wójcik", "Yao", "Zongo",
)  # fmt: skip

#: Most attributions have no remark; some are short, one is as long as such remarks get.
NOTES = (
    "Groupe A",
    "Salle B12, à confirmer",
    "Décharge de 12 h accordée",
    "Échange avec l’UFR : voir courriel du 3 juin",
    "Deux groupes, puis un seul à partir de février",
    "Terrain à la ferme d’application 🌱",
    "Partagé avec un vacataire — 50 %",
    "« Sous réserve » de l’avis du conseil",
    "Première ligne\nSeconde ligne",
    "Rattrapage ; cf. 2 ½ séances",
    "Le conseil de département a noté que ce cours demande une préparation de terrain. " * 12,
)
